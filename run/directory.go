package run

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/plan"
)

// Directory tells where the processes of a plan are reached. It changes while
// they run, and is safe for concurrent use.
type Directory struct {
	mu      sync.Mutex // guards the fields below
	urls    map[string][]string
	changed chan struct{} // closed, and replaced, at every change
}

// NewDirectory makes a directory of the addresses that a plan fixes.
func NewDirectory(p *plan.Plan) *Directory {
	return &Directory{urls: reaches(p), changed: make(chan struct{})}
}

// Merge replaces the addresses of the processes named.
func (d *Directory) Merge(urls map[string][]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.Copy(d.urls, urls)
	close(d.changed)
	d.changed = make(chan struct{})
}

// fill adds the addresses of processes that have told none for a link: until they do, theirs
// on a broker are those that all replicas share.
func (d *Directory) fill(urls map[string][]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for process, all := range urls {
		told := slices.Clone(d.urls[process])
		for _, u := range all {
			if !slices.ContainsFunc(told, func(t string) bool { return schemeOf(t) == schemeOf(u) }) {
				told = append(told, u)
			}
		}
		d.urls[process] = told
	}
	close(d.changed)
	d.changed = make(chan struct{})
}

// await gives a process's URLs, and waits in bounds for one that is just starting.
func (d *Directory) await(ctx context.Context, process, scheme string, most time.Duration) ([]string, error) {
	urls, changed := d.lookup(process, scheme)
	if len(urls) > 0 {
		return urls, nil
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, link.Mark(status.FromContextError(ctx.Err()), link.NeverSent)
		case <-timer.C:
			return nil, link.Mark(status.Newf(codes.Unavailable,
				"process %s has no address: it has not started", process), link.NeverSent)
		}
		if urls, changed = d.lookup(process, scheme); len(urls) > 0 {
			return urls, nil
		}
	}
}

// anyScheme makes lookup give all of a process's URLs.
const anyScheme = ""

// lookup gives a process's URLs for one scheme, and what closes when they change.
func (d *Directory) lookup(process, scheme string) (urls []string, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, u := range d.urls[process] {
		s, _, _ := strings.Cut(u, "://")
		if scheme == anyScheme || s == scheme || s == scheme+"s" || s == "tls+"+scheme {
			urls = append(urls, u)
		}
	}
	slices.Sort(urls)
	return urls, d.changed
}
