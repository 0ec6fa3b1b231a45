package store

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Fault is what an error of a driver tells about whether a statement has run.
type Fault int

// What there is to tell.
const (
	Other    Fault = iota // the statement's own error, or an unknown one
	Busy                  // another process was writing for too long: nothing was written
	Conflict              // the transaction was rolled back for the sake of others
	Unsent                // the connection was lost, and nothing was sent
	Lost                  // the connection was lost, and what was sent may have run
	Away                  // no connection can be made at present
)

// refusal is an error with the gRPC code that it has for a handler's caller.
type refusal struct {
	code codes.Code
	text string
}

func (r *refusal) Error() string { return r.text }

// GRPCStatus makes the error of a handler that returns or wraps it a status.
func (r *refusal) GRPCStatus() *status.Status { return status.New(r.code, r.text) }

// Discreet has package seam tell callers the status alone, however a handler wraps it.
func (*refusal) Discreet() {}

// failure is an error that tells all, such as where the database is and who its user,
// as a status that tells a handler's caller no more than what was refused.
type failure struct {
	error

	told *refusal
}

// Unwrap gives the whole.
func (f *failure) Unwrap() error { return f.error }

// GRPCStatus is that of the refusal.
func (f *failure) GRPCStatus() *status.Status { return f.told.GRPCStatus() }

// Discreet is as that of the refusal.
func (*failure) Discreet() {}

// errUnfit is what callers are told of a database that takes no connection and will not do
// so later, for example since it does not know the user.
var errUnfit = &refusal{codes.Internal, "the store cannot be used"}

// What a store refuses to do, or could not do, for reasons that are not the
// statement's. All but ErrNoConn are Unavailable as gRPC statuses, which have the text of
// these alone: what the errors that wrap them tell besides is for the log.
var (
	// ErrBusy is wrapped by InTx's error when the turn to write did not come in time,
	// because others of this process or another process were writing, or when others won
	// every conflict. Nothing was written: the transaction may be tried again.
	ErrBusy error = &refusal{codes.Unavailable, "store is busy: the turn to write did not come in time"}

	// ErrAway is wrapped by errors of every method when no connection can be made.
	// Nothing was sent.
	ErrAway error = &refusal{codes.Unavailable, "store is away"}

	// ErrLost is wrapped by errors of statements whose connection broke. The statement,
	// or the commit, may have happened.
	ErrLost error = &refusal{codes.Unavailable, "the connection to the store was lost: what was sent may have run"}

	// ErrNoConn is wrapped by errors of every method when no connection became free
	// in time. Nothing was sent. As a gRPC status it is ResourceExhausted.
	ErrNoConn error = &refusal{codes.ResourceExhausted, "no connection to the store became free"}

	// ErrPending is wrapped by errors of every method while migrations are pending
	// that somebody else is to run. Nothing was sent.
	ErrPending error = &refusal{codes.Unavailable, "migrations are pending"}
)

// fault is the driver's word, unless it was the context that ended.
func (db *DB) fault(ctx context.Context, err error) Fault {
	if err == nil || ctx.Err() != nil {
		return Other
	}
	return db.driver.Fault(err)
}

// explain adds to an error of the driver what it means.
func (db *DB) explain(ctx context.Context, err error) error {
	if r, ok := errors.AsType[*refusal](err); ok {
		return &failure{err, r}
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return &failure{err, f.told}
	}
	why := error(nil)
	switch db.fault(ctx, err) {
	case Busy, Conflict:
		why = ErrBusy
	case Away:
		why = ErrAway
	case Unsent, Lost:
		why = ErrLost
	case Other:
		return err
	}
	return db.explain(ctx, fmt.Errorf("%w: %w", why, err))
}
