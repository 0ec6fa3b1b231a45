package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// acquiring is the context of a statement, which ends sooner for as long as the
// statement has no connection: database/sql waits for one as long as the context lets it.
// The driver's connection tells when it is used; from then on only the caller's
// context counts.
type acquiring struct {
	context.Context //nolint:containedctx // it is the caller's, seen in another way

	wait context.Context //nolint:containedctx // the caller's, with the bound of the wait
	got  atomic.Bool
}

type acquireKey struct{}

// Done is that of the wait or that of the caller.
func (a *acquiring) Done() <-chan struct{} {
	if a.got.Load() {
		return a.Context.Done()
	}
	return a.wait.Done()
}

// Err goes with Done.
func (a *acquiring) Err() error {
	if err := a.Context.Err(); err != nil || a.got.Load() {
		return err
	}
	return a.wait.Err()
}

// Value lets connections find it.
func (a *acquiring) Value(key any) any {
	if key == (acquireKey{}) {
		return a
	}
	return a.Context.Value(key)
}

// looking is the context of those who look for a connection. Unlike the statement's it stays as it
// is when there is one: package context takes one that is done and has no error for a mistake, and
// panics, so none may be derived from the statement's meanwhile.
func looking(ctx context.Context) context.Context {
	if a, ok := ctx.Value(acquireKey{}).(*acquiring); ok {
		return a.wait
	}
	return ctx
}

// acquired tells that a statement's context has come to a connection, or that this one
// turned out to be no good.
func acquired(ctx context.Context, good bool) {
	if a, ok := ctx.Value(acquireKey{}).(*acquiring); ok {
		a.got.Store(good)
	}
}

// within uses a connection that must be there within a bound.
func (db *DB) within(ctx context.Context, bound time.Duration, use func(context.Context) error) error {
	if why := db.unready.Load(); why != nil {
		return *why
	}
	wait, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	a := &acquiring{Context: ctx, wait: wait}
	err := use(a)
	if err == nil || a.got.Load() || wait.Err() == nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if away := db.connector.failure(); away != nil {
		return fmt.Errorf("%w: %w", ErrAway, away)
	}
	if db.DB.Stats().InUse < db.options.MaxConns {
		return fmt.Errorf("%w: no answer within %v", ErrAway, bound)
	}
	db.refused.Add(1)
	return fmt.Errorf("%w within %v: all %d are in use", ErrNoConn, bound, db.options.MaxConns)
}
