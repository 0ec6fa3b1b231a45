package seam_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"

	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/seam"
	"github.com/kerf-go/kerf/telemetry"
)

const unaryMethod = "/kerf.linktest.v1.Exercise/Unary"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// process has a seam, and everything that comes out of it.
type process struct {
	seam  *seam.Seam
	tel   *telemetry.Telemetry
	log   *safeBuffer
	spans *tracetest.InMemoryExporter
}

type safeBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newProcess(tb testing.TB) *process {
	tb.Helper()
	return newProcessAt(tb, slog.LevelInfo)
}

func newProcessAt(tb testing.TB, level slog.Level) *process {
	tb.Helper()
	p := &process{log: new(safeBuffer), spans: tracetest.NewInMemoryExporter()}
	var err error
	p.tel, err = telemetry.New(tb.Context(), telemetry.Options{LogOutput: p.log, Level: level, Exporter: p.spans})
	if err == nil {
		p.seam, err = seam.New(p.tel)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// handlers is a service whose methods are given by the test.
type handlers struct {
	linktestv1.UnimplementedExerciseServer
	unary  func(context.Context, *linktestv1.Message) (*linktestv1.Message, error)
	upload func(grpc.ClientStreamingServer[linktestv1.Message, linktestv1.Message]) error
	chat   func(grpc.BidiStreamingServer[linktestv1.Message, linktestv1.Message]) error
	tell   func(context.Context, *linktestv1.Message) error
}

func (h *handlers) Unary(ctx context.Context, m *linktestv1.Message) (*linktestv1.Message, error) {
	return h.unary(ctx, m)
}

func (h *handlers) Upload(s grpc.ClientStreamingServer[linktestv1.Message, linktestv1.Message]) error {
	return h.upload(s)
}

func (h *handlers) Chat(s grpc.BidiStreamingServer[linktestv1.Message, linktestv1.Message]) error {
	return h.chat(s)
}

func (h *handlers) Tell(ctx context.Context, m *linktestv1.Message) (*emptypb.Empty, error) {
	return new(emptypb.Empty), h.tell(ctx, m)
}

var exercise = []*grpc.ServiceDesc{&linktestv1.Exercise_ServiceDesc}

// serve puts a service behind the inbound chain of p, on a grpc-go server that
// stops a panic outside of the chain, as links do.
func (p *process) serve(tb testing.TB, name string, h *handlers) *bufconn.Listener {
	tb.Helper()
	unary, stream := p.seam.Inbound(seam.InboundOptions{
		Link: "grpc", Serves: map[string][]*grpc.ServiceDesc{name: exercise}, Callers: []string{"web", "front"},
	})
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(append([]grpc.UnaryServerInterceptor{barrier}, unary...)...),
		grpc.ChainStreamInterceptor(stream...))
	linktestv1.RegisterExerciseServer(server, h)
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener := bufconn.Listen(1 << 16)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	tb.Cleanup(func() { server.Stop(); serving.Wait() })
	return listener
}

func barrier(
	ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (response any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = status.Errorf(codes.Internal, "panic: %v", cause)
		}
	}()
	return handle(ctx, request)
}

// dial reaches a service through the outbound chain of p.
func (p *process) dial(tb testing.TB, caller, callee string, to *bufconn.Listener) *grpc.ClientConn {
	tb.Helper()
	return p.dialWith(tb, to, seam.OutboundOptions{Caller: caller, Callee: callee, Link: "grpc", Serves: exercise})
}

func (p *process) dialWith(tb testing.TB, to *bufconn.Listener, o seam.OutboundOptions) *grpc.ClientConn {
	tb.Helper()
	unary, stream := p.seam.Outbound(o)
	return rawDial(tb, to, grpc.WithChainUnaryInterceptor(unary...), grpc.WithChainStreamInterceptor(stream...))
}

// rawDial reaches a service as a stranger without Kerf does.
func rawDial(tb testing.TB, to *bufconn.Listener, options ...grpc.DialOption) *grpc.ClientConn {
	tb.Helper()
	cc, err := grpc.NewClient("passthrough:bufconn", append(options,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return to.DialContext(ctx)
		}))...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = cc.Close() })
	return cc
}

// metrics gives what a scraper reads, in the given format.
func (p *process) metrics(tb testing.TB, accept string) io.Reader {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/metrics", http.NoBody)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	p.tel.Admin(nil).ServeHTTP(w, r)
	return w.Body
}

// eventually polls until ok, for what ends on another goroutine.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 5000 {
		if ok() {
			return
		}
		<-tick.C
	}
	tb.Fatalf("never: %s", what)
}

func (p *process) ended(tb testing.TB, n int) tracetest.SpanStubs {
	tb.Helper()
	eventually(tb, "the spans end", func() bool { return len(p.spans.GetSpans()) >= n })
	spans := p.spans.GetSpans()
	if len(spans) != n {
		tb.Fatalf("%d spans, want %d: %v", len(spans), n, spans)
	}
	return spans
}
