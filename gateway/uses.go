package gateway

import (
	"io"
	"log/slog"
	"sync"
)

// uses tells how many sites use what outlives one of them: upstreams, stores, and whatever else a
// reload takes over. A site that was replaced long ago may have a request that runs.
type uses struct {
	mu sync.Mutex
	by map[io.Closer]int // guarded by mu
}

// begin notes that one more site uses c.
func (u *uses) begin(c io.Closer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.by[c]++
}

// end closes c if no other site uses it.
func (u *uses) end(c io.Closer) error {
	if u.isUsed(c) {
		return nil
	}
	return c.Close()
}

// isUsed takes a use away, and tells whether there are more.
func (u *uses) isUsed(c io.Closer) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.by[c]--
	if u.by[c] > 0 {
		return true
	}
	delete(u.by, c)
	return false
}

// use has c closed once this site and all others that use it are.
func (s *site) use(c io.Closer) {
	s.uses.begin(c)
	s.used = append(s.used, c)
}

// close ends what no other site uses. No request of this one is under way.
func (s *site) close(logger *slog.Logger) {
	for _, c := range s.used {
		if err := s.uses.end(c); err != nil {
			logger.Error("something that a configuration had does not close", "error", err)
		}
	}
}
