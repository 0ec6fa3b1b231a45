package compare

import (
	"context"
	"sync"
	"time"
)

// watch looks at a site's processes all the time, for the most memory they have.
type watch struct {
	ctx    context.Context //nolint:containedctx // of the whole measurement
	site   *site
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu   sync.Mutex // guards most
	most int64
}

const watchInterval = 200 * time.Millisecond

func observe(ctx context.Context, s *site) *watch {
	w := &watch{site: s}
	w.ctx, w.cancel = context.WithCancel(ctx)
	w.work.Go(func() {
		ticker := time.NewTicker(watchInterval)
		defer ticker.Stop()
		for {
			_, _ = w.now() // what is wrong is told when it is asked for
			select {
			case <-w.ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
	return w
}

// now is what the processes use. One that died takes its account with it: an error.
func (w *watch) now() (usage, error) {
	pids, err := w.site.pids()
	if err != nil {
		return usage{}, err
	}
	u, err := usageOf(w.ctx, pids)
	if err != nil {
		return usage{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.most = max(w.most, u.memory)
	return u, nil
}

// stop gives the most memory that was seen.
func (w *watch) stop() int64 {
	w.cancel()
	w.work.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.most
}
