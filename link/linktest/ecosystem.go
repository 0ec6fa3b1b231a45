package linktest

import (
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	reflectiongrpc "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func ecosystemRows() []row {
	return []row{
		{name: "the health service answers", run: healthChecks},
		{name: "the health service is watched", run: healthWatched, streams: true},
		{name: "server reflection lists services and gives their descriptors", run: reflects, streams: true},
	}
}

func serveHealth(s *side) (*bundle, *health.Server) {
	checks := health.NewServer()
	b := s.serveAll(link.ListenOptions{}, link.DialOptions{}, func(r grpc.ServiceRegistrar) {
		healthgrpc.RegisterHealthServer(r, checks)
	})
	return b, checks
}

func healthChecks(s *side) {
	b, checks := serveHealth(s)
	checks.SetServingStatus("down", healthgrpc.HealthCheckResponse_NOT_SERVING)
	client := healthgrpc.NewHealthClient(b.conn)
	for _, service := range []string{"", "down", "unknown"} {
		reply, err := client.Check(s.ctx, &healthgrpc.HealthCheckRequest{Service: service})
		s.status("check of "+service, err)
		s.message("check of "+service, reply)
	}
}

func healthWatched(s *side) {
	b, checks := serveHealth(s)
	stream, err := healthgrpc.NewHealthClient(b.conn).Watch(s.ctx, &healthgrpc.HealthCheckRequest{})
	s.must("watch", err)
	for _, next := range []healthgrpc.HealthCheckResponse_ServingStatus{2, 1, 2} {
		reply, err := stream.Recv()
		s.must("receive", err)
		s.message("seen", reply)
		checks.SetServingStatus("", next)
	}
}

// registry is what reflection needs of a server.
type registry interface {
	grpc.ServiceRegistrar
	reflection.ServiceInfoProvider
}

func reflects(s *side) {
	b := s.serveAll(link.ListenOptions{}, link.DialOptions{}, func(r grpc.ServiceRegistrar) {
		linktestv1.RegisterExerciseServer(r, exercise{})
		if full, ok := r.(registry); ok {
			reflection.Register(reflection.GRPCServer(full))
		}
	})
	stream, err := reflectiongrpc.NewServerReflectionClient(b.conn).ServerReflectionInfo(s.ctx)
	s.must("reflection", err)
	s.must("ask", stream.Send(&reflectiongrpc.ServerReflectionRequest{
		MessageRequest: &reflectiongrpc.ServerReflectionRequest_ListServices{},
	}))
	listed, err := stream.Recv()
	s.must("list", err)
	services := listed.GetListServicesResponse().GetService()
	names := make([]string, 0, len(services))
	for _, service := range services {
		names = append(names, service.GetName())
	}
	slices.Sort(names)
	s.note("services", names)
	s.must("ask", stream.Send(&reflectiongrpc.ServerReflectionRequest{
		MessageRequest: &reflectiongrpc.ServerReflectionRequest_FileContainingSymbol{
			FileContainingSymbol: "kerf.linktest.v1.Exercise",
		},
	}))
	found, err := stream.Recv()
	s.must("file", err)
	for _, raw := range found.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := new(descriptorpb.FileDescriptorProto)
		s.must("file", proto.Unmarshal(raw, file))
		s.note("file", file.GetName())
	}
	s.must("close", stream.CloseSend())
}
