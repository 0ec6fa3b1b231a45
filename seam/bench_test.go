package seam_test

import (
	"context"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/seam"
	"github.com/kerf-go/kerf/telemetry"
)

// BenchmarkUnary is what both chains add to a call when nothing is exported. Its
// carrier does the least that any link must: it hands the metadata over.
func BenchmarkUnary(b *testing.B) {
	tel, err := telemetry.New(b.Context(), telemetry.Options{LogOutput: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	s, err := seam.New(tel)
	if err != nil {
		b.Fatal(err)
	}
	defaults := func(string) policy.Settings { return policy.Defaults() }
	b.Run("without deadline", func(b *testing.B) { benchmarkUnary(b, s, 0, nil) })
	b.Run("with deadline", func(b *testing.B) { benchmarkUnary(b, s, 5*time.Second, nil) })
	b.Run("with deadline and policies", func(b *testing.B) { benchmarkUnary(b, s, 5*time.Second, defaults) })
	b.Run("carrier alone", func(b *testing.B) {
		ctx := metadata.AppendToOutgoingContext(b.Context(), "a", "1", "b", "2", "c", "3")
		request := &message{Text: "hello"}
		handle := func(context.Context, any) (any, error) { return request, nil }
		in := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			return handle(ctx, request)
		}
		b.ReportAllocs()
		for b.Loop() {
			_ = carry(ctx, b.Context(), request, in, handle)
		}
	})
}

func benchmarkUnary(b *testing.B, s *seam.Seam, timeout time.Duration, p func(string) policy.Settings) {
	b.Helper()
	out, _ := s.Outbound(seam.OutboundOptions{
		Caller: "web", Callee: "back", Link: "inproc", Serves: exercise,
		Deadline: func(string) time.Duration { return timeout }, Policy: p,
	})
	in, _ := s.Inbound(seam.InboundOptions{
		Link: "inproc", Serves: map[string][]*grpc.ServiceDesc{"back": exercise}, Callers: []string{"web"}, Policy: p,
	})
	request, response := &message{Text: "hello"}, &message{Text: "an answer"}
	handle := func(ctx context.Context, _ any) (any, error) { return response, ctx.Err() }
	calleeCtx := b.Context()
	invoke := func(ctx context.Context, _ string, request, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
		return carry(ctx, calleeCtx, request, in[0], handle)
	}
	ctx := telemetry.WithCorrelation(b.Context(), telemetry.NewCorrelation())
	b.ReportAllocs()
	for b.Loop() {
		if err := out[0](ctx, unaryMethod, request, response, nil, invoke); err != nil {
			b.Fatal(err)
		}
	}
}

func carry(
	caller, callee context.Context, request any, in grpc.UnaryServerInterceptor, handle grpc.UnaryHandler,
) error {
	md, _ := metadata.FromOutgoingContext(caller)
	info := &grpc.UnaryServerInfo{FullMethod: unaryMethod}
	_, err := in(metadata.NewIncomingContext(callee, md), request, info, handle)
	return err
}
