package run

import (
	"maps"
	"slices"
	"strings"
	"sync"

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
	d := &Directory{urls: make(map[string][]string), changed: make(chan struct{})}
	for _, process := range p.Processes {
		for _, l := range append([]plan.Listener{process.Listener}, process.More...) {
			if l.Reach != "" {
				d.urls[process.Name] = append(d.urls[process.Name], l.Reach)
			}
		}
	}
	return d
}

// Merge replaces the addresses of the processes named.
func (d *Directory) Merge(urls map[string][]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.Copy(d.urls, urls)
	close(d.changed)
	d.changed = make(chan struct{})
}

// anyScheme makes lookup give all of a process's URLs.
const anyScheme = ""

// lookup gives a process's URLs for one scheme, and what closes when they change.
func (d *Directory) lookup(process, scheme string) (urls []string, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, u := range d.urls[process] {
		if s, _, _ := strings.Cut(u, "://"); scheme == anyScheme || s == scheme || s == scheme+"s" {
			urls = append(urls, u)
		}
	}
	slices.Sort(urls)
	return urls, d.changed
}
