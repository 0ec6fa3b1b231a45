package call

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// statsHandlers tells stats handlers of one call what grpc-go would tell them.
type statsHandlers struct {
	all    []stats.Handler
	client bool
}

func statsOf(all []stats.Handler, client bool) statsHandlers {
	return statsHandlers{all: all, client: client}
}

func (s statsHandlers) handle(ctx context.Context, event stats.RPCStats) {
	for _, h := range s.all {
		h.HandleRPC(ctx, event)
	}
}

// begin tags the context for each handler; a nil desc means unary.
func (s statsHandlers) begin(ctx context.Context, method string, desc *grpc.StreamDesc) context.Context {
	if len(s.all) == 0 {
		return ctx
	}
	for _, h := range s.all {
		ctx = h.TagRPC(ctx, &stats.RPCTagInfo{FullMethodName: method}) //nolint:fatcontext // each adds its tag
	}
	begin := &stats.Begin{Client: s.client, BeginTime: time.Now()}
	if desc != nil {
		begin.IsClientStream, begin.IsServerStream = desc.ClientStreams, desc.ServerStreams
	}
	s.handle(ctx, begin)
	return ctx
}

func (s statsHandlers) end(ctx context.Context, began time.Time, err error) {
	if len(s.all) == 0 {
		return
	}
	s.handle(ctx, &stats.End{Client: s.client, BeginTime: began, EndTime: time.Now(), Error: err})
}

func (s statsHandlers) in(ctx context.Context, v any, size int) {
	if len(s.all) > 0 {
		s.handle(ctx, &stats.InPayload{
			Client: s.client, Payload: v, Length: size, CompressedLength: size, WireLength: size, RecvTime: time.Now(),
		})
	}
}

func (s statsHandlers) out(ctx context.Context, v any, size int) {
	if len(s.all) > 0 {
		s.handle(ctx, &stats.OutPayload{
			Client: s.client, Payload: v, Length: size, CompressedLength: size, WireLength: size, SentTime: time.Now(),
		})
	}
}
