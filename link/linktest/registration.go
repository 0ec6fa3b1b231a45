package linktest

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func registrationRows() []row {
	return []row{
		{name: "GetServiceInfo tells what is registered", run: serviceInfo},
		{name: "a service registered twice fails Serve", run: registeredTwice},
		{name: "an implementation that lacks methods fails Serve", run: registeredWrong},
		{name: "a service registered after Serve is ignored and harms nothing", run: registeredLate},
	}
}

func serviceInfo(s *side) {
	empty := s.listen(s.address(), link.ListenOptions{})
	s.note("empty", len(empty.GetServiceInfo()))
	b := s.serve(exercise{})
	info := b.GetServiceInfo()
	for _, name := range slices.Sorted(maps.Keys(info)) {
		s.note("service", name, info[name].Metadata)
		methods := slices.Clone(info[name].Methods)
		slices.SortFunc(methods, func(a, b grpc.MethodInfo) int {
			return slices.Compare([]byte(a.Name), []byte(b.Name))
		})
		for _, m := range methods {
			s.note("methods of "+name, fmt.Sprintf("%+v", m))
		}
	}
	clear(info)
	s.note("still told when the caller has cleared its map", len(b.GetServiceInfo()))
}

// other describes a service that nobody else registers.
func other() *grpc.ServiceDesc {
	desc := linktestv1.Exercise_ServiceDesc
	desc.ServiceName = "kerf.linktest.v1.Other"
	return &desc
}

func registeredTwice(s *side) {
	srv := s.listen(s.address(), link.ListenOptions{})
	linktestv1.RegisterExerciseServer(srv, exercise{})
	linktestv1.RegisterExerciseServer(srv, exercise{})
	s.start(srv)
	s.noteServed(srv)
}

func registeredWrong(s *side) {
	srv := s.listen(s.address(), link.ListenOptions{})
	srv.RegisterService(&linktestv1.Exercise_ServiceDesc, struct{}{})
	s.start(srv)
	s.noteServed(srv)
}

func registeredLate(s *side) {
	b := s.serve(exercise{})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("before", err)
	b.RegisterService(other(), exercise{})
	s.note("listed", len(b.GetServiceInfo()))
	s.code("call of the late one", b.conn.Invoke(s.ctx, "/kerf.linktest.v1.Other/Unary", text("x"), new(message)))
	_, err = b.client.Unary(s.ctx, text("x"))
	s.status("after", err)
}
