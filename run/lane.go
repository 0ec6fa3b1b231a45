package run

import (
	"slices"
	"sync/atomic"

	"github.com/kerf-go/kerf/link"
)

// lane is the conn to one address, and how many calls are on it.
type lane struct {
	url   string
	conn  link.Conn
	calls atomic.Int64
	left  atomic.Bool // nobody is at the address any more: it takes no further calls
}

// forget leaves the lanes to addresses where nobody is any more: their calls go on, since
// the process there may be finishing them. The caller holds the lock.
func (r *remote) forget() {
	urls, _ := r.directory.lookup(r.process, anyScheme)
	for url, l := range r.lanes {
		if slices.Contains(urls, url) {
			continue
		}
		delete(r.lanes, url)
		r.left[l] = struct{}{}
		l.left.Store(true)
		if l.calls.Load() == 0 {
			r.close(l)
		}
	}
}

// done ends a call, and with the last one a lane that was left.
func (r *remote) done(l *lane) {
	if l.calls.Add(-1) > 0 || !l.left.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.close(l)
}

// close closes a lane that was left; the caller holds the lock.
func (r *remote) close(l *lane) {
	if _, there := r.left[l]; there {
		delete(r.left, l)
		_ = l.conn.Close() // nobody calls through it any more
	}
}
