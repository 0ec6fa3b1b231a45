package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/kerf-go/kerf/link"
)

// Stop drains the process: it is unready first, then background work ends, then
// pages and calls are refused and the running ones finish, callers before
// callees; then OnStop, in reverse order, and the stores. ctx bounds the drain;
// what still runs then is cut off. Later calls wait for the first and give its error.
func (p *Process) Stop(ctx context.Context) error {
	p.stopping.Do(func() { p.stopErr = p.stop(ctx) })
	return p.stopErr
}

func (p *Process) stop(ctx context.Context) error {
	p.checks.drain()
	p.endWork()
	var errs []error
	if p.web != nil {
		errs = append(errs, p.web.shutdown(ctx))
	}
	errs = append(errs, p.shutdownLinks(ctx))
	for _, e := range p.engines {
		errs = append(errs, e.waitForWork(ctx))
	}
	for _, e := range slices.Backward(p.engines) {
		errs = append(errs, e.runStops(ctx))
	}
	if p.admin != nil {
		errs = append(errs, p.admin.shutdown(ctx))
	}
	p.serving.Wait()
	errs = append(errs, p.closers.close(ctx))
	return errors.Join(errs...)
}

func (p *Process) shutdownLinks(ctx context.Context) error {
	servers := p.servers
	if p.local != nil {
		servers = append(slices.Clip(servers), p.local)
	}
	errs := make([]error, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() { errs[i] = shutdown(ctx, s) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func shutdown(ctx context.Context, s link.Server) error {
	err := s.Shutdown(ctx)
	return errors.Join(err, s.Close())
}

// closers are what to close at the end, the last opened first.
type closers struct {
	mu  sync.Mutex // guards all
	all []func(context.Context) error
}

func (c *closers) add(f func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, f)
}

func (c *closers) close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, f := range slices.Backward(c.all) {
		if err := f(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close: %w", err))
		}
	}
	c.all = nil
	return errors.Join(errs...)
}
