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
	mu       sync.Mutex // guards the fields below
	all      []check
	draining bool
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

// drain makes the process unready for good.
func (c *checks) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
}

func (c *checks) isDraining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}

// run tries every check, and names those that failed.
func (c *checks) run(ctx context.Context) error {
	c.mu.Lock()
	all, draining := c.all, c.draining
	c.mu.Unlock()
	if draining {
		return &telemetry.CheckError{Check: "drain", Err: errDraining}
	}
	var errs []error
	for _, check := range all {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		if err := check.run(ctx); err != nil {
			errs = append(errs, &telemetry.CheckError{Check: check.name, Err: err})
		}
		cancel()
	}
	return errors.Join(errs...)
}
