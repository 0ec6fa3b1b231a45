package call

import (
	"context"
	"errors"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// errClosing is the cause with which a conn's calls end when it is closed.
var errClosing = errors.New("grpc: the client connection is closing")

// Ended is the error of a call whose context has ended on the client's side.
func Ended(ctx context.Context, o link.Outcome) error {
	if errors.Is(context.Cause(ctx), errClosing) {
		return Closed(o)
	}
	return link.Mark(status.FromContextError(ctx.Err()), o)
}

// Closed is the error of a call whose conn was closed.
func Closed(o link.Outcome) error {
	return link.Mark(status.New(codes.Canceled, errClosing.Error()), o)
}

// unsent marks an error found before anything was sent; nil stays nil.
func unsent(err error) error {
	if err == nil {
		return nil
	}
	return link.Mark(status.Convert(err), link.NeverSent)
}

// Unavailable is the error of a peer that cannot be reached.
func Unavailable(o link.Outcome, format string, args ...any) error {
	return link.Mark(status.Newf(codes.Unavailable, format, args...), o)
}

// answer is the status that a handler's error becomes for its caller.
func answer(err error) *status.Status {
	s, ok := status.FromError(err)
	if !ok {
		s = status.FromContextError(err)
	}
	if s.Code() == codes.OK {
		return nil // also for an error that calls itself OK
	}
	if !utf8.ValidString(s.Message()) {
		p := s.Proto()
		p.Message = string([]rune(p.GetMessage())) // each wrong byte becomes U+FFFD
		s = status.FromProto(p)
	}
	return s
}

// noResponse is what a call is told that must be answered and was not.
const noResponse = "cardinality violation: received no response message from non-server-streaming RPC"

func tooLarge(size, limit int) error {
	return status.Errorf(codes.ResourceExhausted, "trying to send message larger than max (%d vs. %d)", size, limit)
}
