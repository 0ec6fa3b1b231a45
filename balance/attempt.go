package balance

import (
	"context"
	"errors"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// Repeatable is the call option of an attempt that will be made again if it is given up.
// Links ignore it.
func Repeatable() grpc.CallOption { return repeatable{} }

type repeatable struct{ grpc.EmptyCallOption }

// GivenUp tells of the error of an attempt that a Balancer has given up.
func GivenUp(err error) bool {
	_, ok := errors.AsType[givenUpError](err)
	return ok
}

// givenUpError is what an attempt ends with that was given up.
type givenUpError struct{ error }

func (e givenUpError) Unwrap() error              { return e.error }
func (e givenUpError) GRPCStatus() *status.Status { return status.Convert(e.error) }

// attempts are those that run on an endpoint and may be given up.
type attempts struct {
	mu      sync.Mutex                // guards the fields below
	cancels []context.CancelCauseFunc // nil: the place is free
	free    []int                     // places
}

// add takes a place, which remove gives back.
func (a *attempts) add(cancel context.CancelCauseFunc) (place int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := len(a.free) - 1
	if last < 0 {
		a.cancels = append(a.cancels, cancel)
		return len(a.cancels) - 1
	}
	place, a.free = a.free[last], a.free[:last]
	a.cancels[place] = cancel
	return place
}

func (a *attempts) remove(place int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cancels[place] = nil
	a.free = append(a.free, place)
}

// giveUp ends all of them.
func (a *attempts) giveUp() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, cancel := range a.cancels {
		if cancel != nil {
			cancel(errSilent)
		}
	}
}

// Invoke makes the one call that was picked for, and ends it: Done is not called then. If it
// is Repeatable, and the endpoint falls silent while there are others, it ends early with an
// error that is Unavailable and GivenUp.
func (c Call) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if c.mayBeGivenUp(opts) {
		return c.guarded(ctx, func(ctx context.Context) error {
			return c.conn.Invoke(ctx, method, args, reply, opts...)
		})
	}
	err := errPanic
	defer func() { c.Done(err) }()
	err = c.conn.Invoke(ctx, method, args, reply, opts...)
	return err
}

// Do is Invoke for what is no gRPC call: attempt makes it, and its error is a gRPC status.
func (c Call) Do(ctx context.Context, attempt func(context.Context) error, opts ...grpc.CallOption) error {
	if c.mayBeGivenUp(opts) {
		return c.guarded(ctx, attempt)
	}
	err := errPanic
	defer func() { c.Done(err) }()
	err = attempt(ctx)
	return err
}

// errPanic is how a call ends whose panic passes by: it says nothing of the endpoint.
var errPanic = status.Error(codes.Canceled, "an interceptor panicked")

func (c Call) mayBeGivenUp(opts []grpc.CallOption) bool {
	return !c.began.IsZero() && slices.Contains(opts, Repeatable())
}

func (c Call) guarded(ctx context.Context, attempt func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	e := c.endpoint
	place := e.attempts.add(cancel)
	err := errPanic
	defer func() {
		e.attempts.remove(place)
		if GivenUp(err) {
			e.end() // the health check has said all that is to say of the endpoint
		} else {
			c.Done(err)
		}
	}()
	err = attempt(ctx)
	if status.Code(err) == codes.Canceled && errors.Is(context.Cause(ctx), errSilent) {
		err = givenUpError{link.Mark(status.Newf(codes.Unavailable,
			"%s has fallen silent, and the call was given up there", e.url), link.Ran(err))}
	}
	return err
}
