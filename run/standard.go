package run

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
)

// addStandardServices registers health and reflection, unless a service did.
func (p *Process) addStandardServices(context.Context) error {
	all := &p.registry
	there := all.GetServiceInfo()
	if _, ok := there[healthpb.Health_ServiceDesc.ServiceName]; !ok {
		healthpb.RegisterHealthServer(all, &healthServer{checks: &p.checks})
	}
	if _, ok := there["grpc.reflection.v1.ServerReflection"]; !ok {
		reflection.Register(all)
	}
	return nil
}

// healthServer answers for the whole process by its own checks.
type healthServer struct {
	healthpb.UnimplementedHealthServer
	checks *checks
}

var _ healthpb.HealthServer = (*healthServer)(nil)

// Check tries every check of the process. The service asked for makes no
// difference: they share the process's fate.
func (h *healthServer) Check(
	ctx context.Context, _ *healthpb.HealthCheckRequest,
) (*healthpb.HealthCheckResponse, error) {
	return &healthpb.HealthCheckResponse{Status: h.status(ctx)}, nil
}

// Watch sends the status now and whenever it has changed.
func (h *healthServer) Watch(_ *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	const every = time.Second
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	last := healthpb.HealthCheckResponse_UNKNOWN
	for {
		draining := h.checks.isDraining() // asked first, so that the last status sent tells of it
		if now := h.status(stream.Context()); now != last {
			last = now
			if err := stream.Send(&healthpb.HealthCheckResponse{Status: now}); err != nil {
				return err
			}
		}
		if draining {
			return status.Error(codes.Unavailable, errDraining.Error())
		}
		select {
		case <-ticker.C:
		case <-h.checks.drained:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

func (h *healthServer) status(ctx context.Context) healthpb.HealthCheckResponse_ServingStatus {
	if h.checks.run(ctx) != nil {
		return healthpb.HealthCheckResponse_NOT_SERVING
	}
	return healthpb.HealthCheckResponse_SERVING
}
