package call

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// Incoming is a call that has arrived at a server.
type Incoming struct {
	Method string      // "/package.Service/Method"
	Header metadata.MD // the caller's metadata: nobody changes it any more
	Codec  string      // content subtype of its messages; "" is proto
}

// ServerTransport is a server's raw end of one call.
type ServerTransport interface {
	Recv() (Message, error)              // io.EOF once the client has sent all
	SendHeader(header metadata.MD) error // once, before the first Send
	Send(m Message) error
}

// End is how a call ended for its caller.
type End struct {
	Trailer metadata.MD
	Status  *status.Status // nil: OK
}

// Serve runs the handler of one call on the calling goroutine, with interceptors
// and the barrier for panics around it, and returns what the caller is to be
// told. ctx is the call's own: it ends with the call, and its values must not be
// the client's.
func (t *Table) Serve(ctx context.Context, in Incoming, tr ServerTransport) End {
	m, missing := t.lookup(in.Method)
	if m == nil {
		return End{Status: status.New(codes.Unimplemented, missing)}
	}
	s := t.open(ctx, m, in, tr)
	s.stats.handle(s.ctx, func() stats.RPCStats {
		return &stats.InHeader{FullMethod: m.full, Header: in.Header.Copy()}
	})
	err := t.run(s)
	end := s.end(answer(err))
	s.stats.handle(s.ctx, func() stats.RPCStats { return &stats.OutTrailer{Trailer: end.Trailer} })
	s.stats.end(s.ctx, end.Status.Err())
	return end
}

// open makes the handler's end of a call, with a context that leads to it.
func (t *Table) open(ctx context.Context, m *method, in Incoming, tr ServerTransport) *serverStream {
	var s *serverStream
	if own, ok := ctx.(*HandlerContext); ok {
		s = &own.stream
	} else {
		s = new(serverStream)
		ctx = metadata.NewIncomingContext(ctx, in.Header)
		ctx = grpc.NewContextWithServerTransportStream(ctx, transportStream{s})
	}
	s.tr, s.method, s.incoming, s.codec = tr, m, in.Header, t.codecOf(in)
	s.maxRecv, s.maxSend, s.stats = t.options.MaxRecv, t.options.MaxSend, statsOf(t.options.Stats, false)
	s.ctx = s.stats.begin(ctx, m.full, m.desc)
	return s
}

// codecOf tells how a call's messages are encoded. Of what nobody knows, the message
// will tell, as in grpc-go.
func (t *Table) codecOf(in Incoming) encoding.CodecV2 {
	if in.Codec == "" || in.Codec == t.standard.Name() {
		return t.standard
	}
	if codec := codecByName(in.Codec); codec != nil {
		return codec
	}
	return t.standard
}

// run calls the handler. A panic becomes Internal for this one call; so does a
// handler that ends its goroutine.
func (t *Table) run(s *serverStream) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		err = Panicked(s.ctx, t.options.Logger, s.method.full, recover())
	}()
	if s.method.desc != nil {
		err = t.runStream(s)
	} else {
		err = t.runUnary(s)
	}
	returned = true
	return err
}

// Panicked logs a handler's panic, with the stack of the deferred function that
// recovered it, and gives the error that is all its caller may know.
func Panicked(ctx context.Context, logger *slog.Logger, method string, reason any) error {
	logger.ErrorContext(ctx, "handler panicked", "method", method,
		"panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
	return status.Error(codes.Internal, "the handler panicked")
}

func (t *Table) runUnary(s *serverStream) error {
	reply, err := s.method.handler(s.method.impl, s.ctx, s.recvRequest, t.unary)
	if err != nil {
		return err
	}
	return s.SendMsg(reply)
}

func (t *Table) runStream(s *serverStream) error {
	if t.stream == nil {
		return s.method.desc.Handler(s.method.impl, s)
	}
	info := &grpc.StreamServerInfo{
		FullMethod:     s.method.full,
		IsClientStream: s.method.desc.ClientStreams, IsServerStream: s.method.desc.ServerStreams,
	}
	return t.stream(s.method.impl, s, info, s.method.desc.Handler)
}

// headers is the metadata a handler answers with.
type headers struct {
	mu      sync.Mutex // guards the fields below
	header  metadata.MD
	trailer metadata.MD
	sent    bool  // the header has left
	ended   bool  // the handler has returned
	failed  error // the first failure of the stream itself
	replied bool  // a message was sent
}
