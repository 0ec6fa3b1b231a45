package call

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// statsHandlers tells stats handlers of one call what grpc-go would tell them. nil
// has none to tell.
type statsHandlers struct {
	all    []stats.Handler
	client bool
	began  time.Time
}

func statsOf(all []stats.Handler, client bool) *statsHandlers {
	if len(all) == 0 {
		return nil
	}
	return &statsHandlers{all: all, client: client}
}

// handle makes the event only if somebody is told.
func (s *statsHandlers) handle(ctx context.Context, event func() stats.RPCStats) {
	if s != nil {
		s.tell(ctx, event())
	}
}

func (s *statsHandlers) tell(ctx context.Context, event stats.RPCStats) {
	for _, h := range s.all {
		h.HandleRPC(ctx, event)
	}
}

// begin tags the context for each handler; a nil desc means unary.
func (s *statsHandlers) begin(ctx context.Context, method string, desc *grpc.StreamDesc) context.Context {
	if s == nil {
		return ctx
	}
	for _, h := range s.all {
		ctx = h.TagRPC(ctx, &stats.RPCTagInfo{FullMethodName: method}) //nolint:fatcontext // each adds its tag
	}
	s.began = time.Now()
	begin := &stats.Begin{Client: s.client, BeginTime: s.began}
	if desc != nil {
		begin.IsClientStream, begin.IsServerStream = desc.ClientStreams, desc.ServerStreams
	}
	s.tell(ctx, begin)
	return ctx
}

func (s *statsHandlers) end(ctx context.Context, err error) {
	s.handle(ctx, func() stats.RPCStats {
		return &stats.End{Client: s.client, BeginTime: s.began, EndTime: time.Now(), Error: err}
	})
}

func (s *statsHandlers) in(ctx context.Context, v any, size int) {
	s.handle(ctx, func() stats.RPCStats {
		return &stats.InPayload{
			Client: s.client, Payload: v, Length: size, CompressedLength: size, WireLength: size, RecvTime: time.Now(),
		}
	})
}

func (s *statsHandlers) out(ctx context.Context, v any, size int) {
	s.handle(ctx, func() stats.RPCStats {
		return &stats.OutPayload{
			Client: s.client, Payload: v, Length: size, CompressedLength: size, WireLength: size, SentTime: time.Now(),
		}
	})
}
