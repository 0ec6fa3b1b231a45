package run

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/kerf-go/kerf/telemetry"
)

// checks are what must hold for a process to be ready.
type checks struct {
	drained chan struct{} // closed when the process begins to drain

	mu  sync.Mutex // guards all
	all []check
}

type check struct {
	name string
	run  func(context.Context) error
}

var errDraining = errors.New("the process is draining")

// checkTimeout bounds one check; what takes longer has failed.
const checkTimeout = time.Second

func (c *checks) add(name string, run func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, check{name, run})
}

// drain makes the process unready for good. It is called once.
func (c *checks) drain() { close(c.drained) }

func (c *checks) isDraining() bool {
	select {
	case <-c.drained:
		return true
	default:
		return false
	}
}

// run tries every check, all at once so that slow ones take no longer together, and
// names those that failed.
func (c *checks) run(ctx context.Context) error {
	if c.isDraining() {
		return &telemetry.CheckError{Check: "drain", Err: errDraining}
	}
	c.mu.Lock()
	all := c.all
	c.mu.Unlock()
	errs := make([]error, len(all))
	var running sync.WaitGroup
	for i, check := range all {
		running.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, checkTimeout)
			defer cancel()
			if err := check.run(ctx); err != nil {
				errs[i] = &telemetry.CheckError{Check: check.name, Err: err}
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
