package grpclink_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/grpclink"
	"github.com/kerf-go/kerf/link/linktest"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCallsOverGRPCBehaveAsGRPC(t *testing.T) {
	t.Parallel()
	linktest.Exercise(t, linktest.Subject{Link: grpclink.Link{}, URL: "grpc://127.0.0.1:0"})
}

// echo answers with what it was given, or fails if that says so.
type echo struct {
	linktestv1.UnimplementedExerciseServer
}

func (echo) Unary(_ context.Context, m *linktestv1.Message) (*linktestv1.Message, error) {
	if m.GetText() == "fail" {
		return nil, status.Error(codes.Aborted, "failed")
	}
	return m, nil
}

func (echo) Chat(s linktestv1.Exercise_ChatServer) error {
	m, err := s.Recv()
	if err != nil {
		return err
	}
	return s.Send(m)
}

func listen(t *testing.T) link.Server {
	t.Helper()
	server, err := grpclink.Link{}.Listen(t.Context(), parse(t, "grpc://127.0.0.1:0"), link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func serve(t *testing.T, server link.Server) {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
}

func dial(t *testing.T, rawURL string) link.Conn {
	t.Helper()
	conn, err := grpclink.Link{}.Dial(parse(t, rawURL), link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func parse(t *testing.T, rawURL string) *url.URL {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// plain is a conn of grpc-go, without Kerf.
func plain(t *testing.T, rawURL string) *grpc.ClientConn {
	t.Helper()
	cc, err := grpc.NewClient(parse(t, rawURL).Host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

func TestAnyGRPCClientCalls(t *testing.T) {
	t.Parallel()
	server := listen(t)
	linktestv1.RegisterExerciseServer(server, echo{})
	serve(t, server)
	client := linktestv1.NewExerciseClient(plain(t, server.URL()))
	answer, err := client.Unary(t.Context(), &linktestv1.Message{Text: "hi"})
	if err != nil || answer.GetText() != "hi" {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestWhatAsksForAQueueIsRefused(t *testing.T) {
	t.Parallel()
	conn := dial(t, "grpc://127.0.0.1:1") // nobody is asked
	client := linktestv1.NewExerciseClient(conn)
	_, err := client.Unary(t.Context(), &linktestv1.Message{}, link.WithWait(link.Accepted))
	_, streamErr := client.Chat(t.Context(), link.WithWait(link.Accepted))
	for _, err := range []error{err, streamErr} {
		if status.Code(err) != codes.Unimplemented || link.Ran(err) != link.NeverSent {
			t.Errorf("%v, %v", err, link.Ran(err))
		}
	}
}

func TestSentWaitsForTheReply(t *testing.T) {
	t.Parallel()
	server := listen(t)
	linktestv1.RegisterExerciseServer(server, echo{})
	serve(t, server)
	client := linktestv1.NewExerciseClient(dial(t, server.URL()))
	_, err := client.Unary(t.Context(), &linktestv1.Message{Text: "fail"}, link.WithWait(link.Sent))
	if status.Code(err) != codes.Aborted {
		t.Error(err)
	}
}

func TestEveryoneIsToldTheOutcome(t *testing.T) {
	t.Parallel()
	server := listen(t)
	linktestv1.RegisterExerciseServer(server, echo{})
	serve(t, server)
	var seen []link.Outcome
	see := func(err error) { seen = append(seen, link.Ran(err)) }
	o := link.DialOptions{Unary: []grpc.UnaryClientInterceptor{func(
		ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
		opts ...grpc.CallOption,
	) error {
		err := invoke(ctx, method, req, reply, cc, opts...)
		see(err)
		return err
	}}}
	conn, err := grpclink.Link{}.Dial(parse(t, server.URL()), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	fail := &linktestv1.Message{Text: "fail"}
	_, err = linktestv1.NewExerciseClient(conn).Unary(t.Context(), fail, grpc.OnFinish(see))
	see(err)
	if len(seen) != 3 || seen[0] != link.Answered || seen[1] != link.Answered || seen[2] != link.Answered {
		t.Errorf("OnFinish, interceptor and caller are told %v", seen)
	}
}

func TestWrongURLsSayWhatIsRight(t *testing.T) {
	t.Parallel()
	for rawURL, want := range map[string]string{
		"http://127.0.0.1:1":                   "write grpc://host:port or grpcs://host:port",
		"grpc://127.0.0.1":                     "write grpc://host:port",
		"grpcs://:1":                           "write grpcs://host:port",
		"grpc://127.0.0.1:1/path":              "write grpc://host:port",
		"grpc://user@127.0.0.1:1":              "write grpc://host:port",
		"grpc://127.0.0.1:1?hartbeat=5m":       `"hartbeat" in the query: only heartbeat is known`,
		"grpc://127.0.0.1:1?heartbeat=often":   "such as heartbeat=5m",
		"grpc://127.0.0.1:1?heartbeat=1s":      "write 10s or more",
		"grpc://127.0.0.1:1?heartbeat=1000000": "such as heartbeat=5m",
	} {
		_, err := grpclink.Link{}.Dial(parse(t, rawURL), link.DialOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("dial %s: got %v, want %q", rawURL, err, want)
		}
	}
	_, err := grpclink.Link{}.Listen(t.Context(), parse(t, "grpcs://127.0.0.1:0"), link.ListenOptions{})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("grpcs without a certificate: %v", err)
	}
	_, err = grpclink.Link{}.Listen(t.Context(), parse(t, "grpc://"), link.ListenOptions{})
	if err == nil || !strings.Contains(err.Error(), "write grpc://host:port") {
		t.Errorf("listen nowhere: %v", err)
	}
}

func TestAServerServesOnce(t *testing.T) {
	t.Parallel()
	server := listen(t)
	serve(t, server)
	conn := dial(t, server.URL())
	_, _ = linktestv1.NewExerciseClient(conn).Unary(t.Context(), &linktestv1.Message{}) // it serves now
	if err := server.Serve(); err == nil {
		t.Error("it serves twice")
	}
}
