package linktest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"google.golang.org/grpc/stats"

	"github.com/kerf-go/kerf/link"
)

func statsRows() []row {
	return []row{
		{name: "stats handlers are told of a call on both sides", run: statsUnary},
		{name: "stats handlers are told of a call that fails", run: statsFailure},
		{name: "stats handlers are told of a stream on both sides", run: statsStream, streams: true},
		{name: "the context of a stats handler reaches interceptors and handlers", run: statsContext},
	}
}

// statsSpy keeps what a stats handler is told. Order is only kept of the first and
// the last event, because grpc-go tells of sending and receiving concurrently.
type statsSpy struct {
	mu     sync.Mutex // guards events
	events []string
	ended  chan struct{}
}

var _ stats.Handler = (*statsSpy)(nil)

func newStatsSpy() *statsSpy { return &statsSpy{ended: make(chan struct{})} }

type taggedKey struct{}

func (s *statsSpy) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	s.add("tag " + info.FullMethodName)
	return context.WithValue(ctx, taggedKey{}, "tagged")
}

func (s *statsSpy) HandleRPC(ctx context.Context, event stats.RPCStats) {
	tagged := ctx.Value(taggedKey{}) != nil
	switch e := event.(type) {
	case *stats.Begin:
		s.add(fmt.Sprint("begin ", e.Client, e.IsClientStream, e.IsServerStream, tagged))
	case *stats.InPayload:
		s.add(fmt.Sprint("in payload ", e.Client, e.Length, e.Payload != nil, tagged))
	case *stats.OutPayload:
		s.add(fmt.Sprint("out payload ", e.Client, e.Length, e.Payload != nil, tagged))
	case *stats.InHeader:
		s.add(fmt.Sprint("in header ", e.Client, e.FullMethod, tagged))
	case *stats.OutHeader:
		s.add(fmt.Sprint("out header ", e.Client, e.FullMethod, tagged))
	case *stats.InTrailer, *stats.OutTrailer:
		s.add(fmt.Sprintf("%T %v", e, tagged))
	case *stats.End:
		s.add(fmt.Sprint("end ", e.Client, codeOf(e.Error), !e.EndTime.Before(e.BeginTime), tagged))
		close(s.ended)
	}
}

func (*statsSpy) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (*statsSpy) HandleConn(context.Context, stats.ConnStats) {}

func (s *statsSpy) add(event string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, event)
}

func (s *side) noteStats(heading string, spy *statsSpy) {
	s.await("end in the stats of the "+heading, spy.ended)
	spy.mu.Lock()
	defer spy.mu.Unlock()
	if len(spy.events) == 0 {
		return
	}
	s.note(heading+" first", spy.events[0])
	s.note(heading+" last", spy.events[len(spy.events)-1])
	for _, e := range slices.Sorted(slices.Values(spy.events)) {
		s.note(heading, e)
	}
}

func serveStats(s *side, e exercise) (b *bundle, caller, handler *statsSpy) {
	caller, handler = newStatsSpy(), newStatsSpy()
	b = s.serveWith(e, link.ListenOptions{Stats: []stats.Handler{handler}},
		link.DialOptions{Stats: []stats.Handler{caller}})
	return b, caller, handler
}

func statsUnary(s *side) {
	b, caller, handler := serveStats(s, exercise{})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
	s.noteStats("caller", caller)
	s.noteStats("handler", handler)
}

func statsFailure(s *side) {
	b, caller, handler := serveStats(s, exercise{unary: func(context.Context, *message) (*message, error) {
		return nil, errRefused()
	}})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
	s.noteStats("caller", caller)
	s.noteStats("handler", handler)
}

func statsStream(s *side) {
	b, caller, handler := serveStats(s, exercise{})
	stream, err := b.client.Download(s.ctx, &message{Number: 3})
	s.must("download", err)
	s.drain("download", stream.Recv)
	s.noteStats("caller", caller)
	s.noteStats("handler", handler)
}

func statsContext(s *side) {
	b, caller, handler := serveStats(s, exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		s.note("value", ctx.Value(taggedKey{}))
		return m, nil
	}})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
	s.await("end of the caller's", caller.ended)
	s.await("end of the handler's", handler.ended)
}
