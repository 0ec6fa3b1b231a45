package balance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// watchAll starts the health checks of endpoints that have none yet. A single endpoint is
// used anyway, so nothing is asked. The caller holds the lock.
func (b *Balancer) watchAll() {
	if b.options.HealthEvery < 0 {
		return
	}
	for _, e := range b.all {
		if len(b.all) == 1 {
			e.stopWatching()
		} else if e.stopChecks == nil {
			ctx, cancel := context.WithCancel(b.checks)
			e.stopChecks = cancel
			b.checking.Go(func() { b.watch(ctx, e) })
		}
	}
}

// stopWatching ends the health checks; the caller holds the lock.
func (e *endpoint) stopWatching() {
	if e.stopChecks != nil {
		e.stopChecks()
		e.stopChecks = nil
	}
	e.unhealthy = nil
}

// watch checks an endpoint's health until ctx ends. The first check comes soon, since a
// new process may not serve yet.
func (b *Balancer) watch(ctx context.Context, e *endpoint) {
	tenth := b.options.HealthEvery/10 + 1
	timer := time.NewTimer(rand.N(tenth))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		switch err := e.check(ctx, b.options.Silence); {
		case errors.Is(err, errSlow): // what was known of it stays
		case b.told(ctx, e, err):
			e.attempts.giveUp()
		}
		timer.Reset(b.options.HealthEvery - tenth + rand.N(2*tenth))
	}
}

var (
	errSilent = errors.New("health check: no answer")
	errSlow   = errors.New("health check: no answer, but to calls")
)

// check asks the endpoint for its health, and once more if there is no answer: the caller
// itself may have slept. An endpoint that answers calls meanwhile is not silent.
func (e *endpoint) check(ctx context.Context, silence time.Duration) error {
	const times = 2
	heard := e.heard.Load()
	for range times {
		if err := e.ask(ctx, silence/times); !errors.Is(err, errSilent) {
			return err
		}
	}
	if e.heard.Load() != heard {
		return errSlow
	}
	return fmt.Errorf("%w within %v", errSilent, silence)
}

// ask asks once. What does not serve health, or not to us, is healthy: it was reached.
func (e *endpoint) ask(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := e.connect()
	if err != nil {
		return err
	}
	response, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	switch status.Code(err) { //nolint:exhaustive // whatever else it answers, it was reached
	case codes.DeadlineExceeded:
		return errSilent
	case codes.Unavailable:
		return fmt.Errorf("health check: %w", err)
	case codes.OK:
		if s := response.GetStatus(); s != healthpb.HealthCheckResponse_SERVING {
			return fmt.Errorf("health check: it is %v", s)
		}
	}
	return nil
}

// told notes what a health check has found, unless nobody asks any more. An endpoint that
// was reached is not passed over. It tells whether calls had better not wait for the
// endpoint: it is silent, and others are not.
func (b *Balancer) told(ctx context.Context, e *endpoint, err error) (inVain bool) {
	b.mu.Lock()
	defer b.unlock()
	if ctx.Err() != nil {
		return false
	}
	if e.unhealthy = err; err == nil {
		e.passedOver = time.Time{}
	}
	b.renew(ctx, time.Now())
	return errors.Is(err, errSilent) && !slices.Contains(b.used(), e)
}
