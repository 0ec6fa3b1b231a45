package inproc

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// exchange is both ends of one call of any kind.
type exchange struct {
	ctx    context.Context //nolint:containedctx // the caller's
	dialer *dialer
	server *server
	in     call.Incoming

	end    call.End // the worker's until the call has ended, then the caller's
	shared bool
	state  atomic.Int32
	bell   chan struct{} // has room for a token of who ends the call; nil: a stream
	until  time.Time     // when the server ends it; zero: ctx does
	at     int           // its place in the server's list
}

// A call is running, until it has ended or its caller has left: the first counts.
const (
	running int32 = iota
	ended
	left
)

func (x *exchange) prepare(ctx context.Context, d *dialer, s *server, r call.Request) {
	x.ctx, x.dialer, x.server, x.in = ctx, d, s, d.incoming(r)
	x.shared = d.shared != nil && d.shared(r.Method)
}

// exited is how a call ends whose handler ended its goroutine.
var exited = call.End{Status: status.New(codes.Internal, "the handler did not return")}

// handle is the worker's part.
func (x *exchange) handle(ctx context.Context, tr call.ServerTransport) {
	x.end = exited // what holds if the handler ends its goroutine
	x.end = x.server.Table.Serve(ctx, x.in, tr)
}

// becomes ends the call in one way or the other, and tells whether it was the first.
func (x *exchange) becomes(state int32) bool { return x.state.CompareAndSwap(running, state) }

// cut ends a unary call without an answer: nobody will ring its bell any more. Streams
// see by their contexts that a conn or server has closed.
func (x *exchange) cut() {
	if x.bell != nil && x.becomes(left) {
		x.bell <- struct{}{}
	}
}

func (x *exchange) self() *exchange { return x }

func (x *exchange) ended() bool { return x.state.Load() == ended }

func (x *exchange) Share() bool      { return x.shared }
func (x *exchange) Peer() *peer.Peer { return x.server.peer }

func (x *exchange) Trailer() metadata.MD {
	if !x.ended() {
		return nil
	}
	return x.end.Trailer
}

// status is what the caller is told after the last message.
func (x *exchange) status() error {
	if x.end.Status != nil {
		return link.Mark(x.end.Status, link.Answered)
	}
	return io.EOF
}

// lost is the error of a call that ended without an answer.
func (x *exchange) lost() error {
	switch {
	case x.ctx.Err() != nil:
		return call.Ended(x.ctx, link.MayHaveRun)
	case x.dialer.isClosed():
		return call.Closed(link.MayHaveRun)
	}
	return call.Unavailable(link.MayHaveRun, "the server of %s has closed", x.server.URL())
}
