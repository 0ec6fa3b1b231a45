package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/kerf-go/kerf/link"
)

// Stop drains the process: it is unready first; then pages and calls from other
// processes are refused, and what runs of them finishes, as does background work,
// whose contexts end; then the calls that nobody waits for. Calls within the process are
// refused after that, since all of these make some. Then come OnStop, in reverse order, and the stores. ctx bounds the
// drain; what still runs then is cut off. Under drain: off of the plan, pages and calls are cut off at once, which
// is no error. Later calls wait for the first and give its error.
func (p *Process) Stop(ctx context.Context) error {
	p.stopping.Do(func() { p.stopErr = p.stop(ctx) })
	return p.stopErr
}

func (p *Process) stop(ctx context.Context) error {
	p.checks.drain()
	if p.seam != nil { // else the start has failed before
		p.seam.Draining(p.spec.Services)
	}
	p.endWork()
	errs := []error{p.drainCallers(ctx), p.drainSent(ctx)}
	if p.local != nil {
		errs = append(errs, p.shutdown(ctx, p.local), p.drainSent(ctx)) // the last handlers may have sent calls too
	}
	ctx, cancel := lastWords(ctx)
	defer cancel()
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

// lastWords gives OnStop, spans and stores a moment also after a drain that was cut
// off: what they write is what tells of it.
func lastWords(ctx context.Context) (context.Context, context.CancelFunc) {
	const moment = time.Second
	if ctx.Err() == nil {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), moment)
}

// drainCallers ends whatever calls services of the process.
func (p *Process) drainCallers(ctx context.Context) error {
	var drains []func(context.Context) error
	if p.web != nil {
		drains = append(drains, p.drainWeb)
	}
	for _, s := range p.servers {
		drains = append(drains, func(ctx context.Context) error { return p.shutdown(ctx, s) })
	}
	for _, e := range p.engines {
		drains = append(drains, e.waitForWork)
	}
	errs := make([]error, len(drains))
	var all sync.WaitGroup
	for i, drain := range drains {
		all.Go(func() { errs[i] = drain(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// drainSent waits for the calls that nobody waits for.
func (p *Process) drainSent(ctx context.Context) error {
	if p.seam == nil {
		return nil // the start has failed before
	}
	return p.seam.Drain(ctx)
}

// cutsOff tells that the plan does not wait for calls and pages that run.
func (p *Process) cutsOff() bool { return p.options.Plan.Drain < 0 }

func (p *Process) drainWeb(ctx context.Context) error {
	if p.cutsOff() {
		return p.web.close()
	}
	return p.web.shutdown(ctx)
}

func (p *Process) shutdown(ctx context.Context, s link.Server) error {
	if p.cutsOff() {
		return s.Close()
	}
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
