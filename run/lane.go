package run

import (
	"sync"
	"sync/atomic"

	"github.com/kerf-go/kerf/balance"
)

// lane is the way to a process by one link: to its replicas, wherever they are.
type lane struct {
	*balance.Balancer

	scheme  string
	changed atomic.Pointer[<-chan struct{}] // closed when the addresses are others; nil: none are known

	mu sync.Mutex // guards that the addresses are brought up to date by one at a time
}

// fresh tells whether the addresses are those of the directory. It takes no lock.
func (l *lane) fresh() bool {
	changed := l.changed.Load()
	if changed == nil {
		return false
	}
	select {
	case <-*changed:
		return false
	default:
		return true
	}
}

// refresh takes the addresses from the directory. A process that has none keeps those it
// had, for the calls that go on there.
func (l *lane) refresh(d *Directory, process string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if urls, changed := d.lookup(process, l.scheme); len(urls) > 0 {
		l.Update(urls)
		l.changed.Store(&changed)
	}
}
