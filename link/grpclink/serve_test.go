package grpclink_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/grpclink"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// adopted is an existing server with an interceptor and the health service.
func adopted(t *testing.T) link.Server {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	existing := grpc.NewServer(grpc.UnaryInterceptor(func(
		ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
	) (any, error) {
		if m, ok := req.(*linktestv1.Message); ok && m.GetText() == "stop" {
			return nil, status.Error(codes.PermissionDenied, "stopped by its interceptor")
		}
		return handler(ctx, req)
	}))
	healthpb.RegisterHealthServer(existing, health.NewServer())
	server := grpclink.Serve(existing, l)
	t.Cleanup(func() { _ = server.Close() })
	return server
}

// panics is a careless service.
type panics struct{ echo }

func (panics) Chat(linktestv1.Exercise_ChatServer) error {
	var none *linktestv1.Message
	return status.Error(codes.OK, none.Text) //nolint:protogetter // it is to panic
}

func TestAnExistingServerIsServed(t *testing.T) {
	t.Parallel()
	server := adopted(t)
	linktestv1.RegisterExerciseServer(server, panics{})
	if infos := server.GetServiceInfo(); len(infos) != 2 {
		t.Errorf("it describes %v", infos)
	}
	serve(t, server)
	conn := dial(t, server.URL())
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("what was there before: %v", err)
	}
	client := linktestv1.NewExerciseClient(conn)
	if answer, err := client.Unary(t.Context(), &linktestv1.Message{Text: "hi"}); answer.GetText() != "hi" {
		t.Errorf("what came later: %v", err)
	}
	_, err := client.Unary(t.Context(), &linktestv1.Message{Text: "stop"})
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("its interceptor is passed by: %v", err)
	}
	stream, err := client.Chat(t.Context())
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Internal {
		t.Errorf("a panic is %v", err)
	}
	if infos := server.GetServiceInfo(); len(infos) != 2 {
		t.Errorf("it describes %v", infos)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAServiceThatAnExistingServerHasFailsServe(t *testing.T) {
	t.Parallel()
	server := adopted(t)
	healthpb.RegisterHealthServer(server, health.NewServer())
	if err := server.Serve(); err == nil || !strings.Contains(err.Error(), "grpc.health.v1.Health") {
		t.Errorf("Serve tells %v", err)
	}
}
