package link

import (
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Outcome tells whether a call ran. Retrying is safe without further thought
// only after NeverSent.
type Outcome int

const (
	// MayHaveRun is the careful answer when nobody knows: the zero Outcome.
	MayHaveRun Outcome = iota
	// NeverSent means that no handler has seen the call nor ever will.
	NeverSent
	// Answered means that the error is the callee's own answer.
	Answered
)

// PushbackKey is of the trailer in which a callee says after how many milliseconds it may be called
// again; what is no such number, as a negative one, says that it may not (gRFC A6).
const PushbackKey = "grpc-retry-pushback-ms"

// String gives the outcome in words.
func (o Outcome) String() string {
	switch o {
	case NeverSent:
		return "never sent"
	case Answered:
		return "answered"
	case MayHaveRun:
	}
	return "may have run"
}

// Ran tells whether a call that ended with err ran. A nil error was Answered; an
// error that no link has marked MayHaveRun.
func Ran(err error) Outcome {
	if err == nil {
		return Answered
	}
	if marked, ok := errors.AsType[*outcomeError](err); ok {
		return marked.outcome
	}
	return MayHaveRun
}

// Mark makes a status error that carries an outcome. The outcome never travels:
// it is not part of the status. OK gives nil.
func Mark(s *status.Status, o Outcome) error {
	if s.Code() == codes.OK {
		return nil
	}
	return &outcomeError{err: s.Err(), status: s, outcome: o}
}

type outcomeError struct {
	err     error
	status  *status.Status
	outcome Outcome
}

func (e *outcomeError) Error() string              { return e.err.Error() }
func (e *outcomeError) Unwrap() error              { return e.err }
func (e *outcomeError) GRPCStatus() *status.Status { return e.status }
