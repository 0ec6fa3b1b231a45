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

// What a store refuses to do, or could not do, for reasons that are not the
// statement's. All but ErrNoConn are Unavailable as gRPC statuses.
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
	if _, ok := errors.AsType[*refusal](err); ok {
		return err
	}
	switch db.fault(ctx, err) {
	case Busy, Conflict:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	case Away:
		return fmt.Errorf("%w: %w", ErrAway, err)
	case Unsent, Lost:
		return fmt.Errorf("%w: %w", ErrLost, err)
	case Other:
	}
	return err
}
