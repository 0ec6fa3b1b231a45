package run_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// ownHealth is a health service that the app brings.
type ownHealth struct {
	healthpb.UnimplementedHealthServer
}

func (ownHealth) Check(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVICE_UNKNOWN}, nil
}

func TestEveryProcessHasHealthAndReflection(t *testing.T) {
	t.Parallel()
	eachPlan(t, func(t *testing.T, text string) {
		t.Helper()
		p := startAll(t, pair(nil, nil), text, "back")
		cc := dial(t, p)
		health, err := healthpb.NewHealthClient(cc).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil || health.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("health: %v, %v", health, err)
		}
		stream, err := reflectionpb.NewServerReflectionClient(cc).ServerReflectionInfo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		list := &reflectionpb.ServerReflectionRequest{
			MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
		}
		if err := stream.Send(list); err != nil {
			t.Fatal(err)
		}
		answer, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, s := range answer.GetListServicesResponse().GetService() {
			found = found || s.GetName() == "kerf.linktest.v1.Exercise"
		}
		if !found {
			t.Errorf("reflection lists %v", answer)
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAServicesOwnHealthWins(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"front", "back"} { // built before and after the other
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			app := pair(nil, nil)
			for i, s := range app.Services {
				if s.Name != place {
					continue
				}
				app.Services[i].Serves = []*grpc.ServiceDesc{s.Serves[0], &healthpb.Health_ServiceDesc}
				app.Services[i].New = func(ctx context.Context, h *kerf.Host) error {
					healthpb.RegisterHealthServer(h, ownHealth{})
					return s.New(ctx, h)
				}
			}
			p := startAll(t, app, together, "back")
			health, err := healthpb.NewHealthClient(dial(t, p)).Check(t.Context(), &healthpb.HealthCheckRequest{})
			if err != nil || health.GetStatus() != healthpb.HealthCheckResponse_SERVICE_UNKNOWN {
				t.Errorf("Kerf's own health answers: %v, %v", health, err)
			}
		})
	}
}

func TestHealthTellsOfTheDrain(t *testing.T) {
	t.Parallel()
	entered, answer := make(chan struct{}), make(chan struct{})
	p := startAll(t, backWith(&handlers{unary: func(_ context.Context, m *message) (*message, error) {
		close(entered)
		<-answer
		return m, nil
	}}), together, "back")
	cc := dial(t, p)
	watch, err := healthpb.NewHealthClient(cc).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wantHealth(t, watch, healthpb.HealthCheckResponse_SERVING)
	called := make(chan error, 1)
	go func() {
		_, err := linktestv1.NewExerciseClient(cc).Unary(t.Context(), &message{})
		called <- err
	}()
	await(t, "the call", entered)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop(t, p)
	}()
	wantHealth(t, watch, healthpb.HealthCheckResponse_NOT_SERVING) // while a call still runs
	if _, err := watch.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the watch goes on: %v", err)
	}
	close(answer)
	if err := await(t, "the answer", called); err != nil {
		t.Error(err)
	}
	await(t, "the end", stopped)
}

func wantHealth(
	t *testing.T, watch grpc.ServerStreamingClient[healthpb.HealthCheckResponse],
	want healthpb.HealthCheckResponse_ServingStatus,
) {
	t.Helper()
	if got, err := watch.Recv(); err != nil || got.GetStatus() != want {
		t.Fatalf("%v, %v; want %v", got, err, want)
	}
}
