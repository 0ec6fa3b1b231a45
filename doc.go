// Package kerf lets a plan file decide whether the services of a system run in
// one process or in many.
//
// A service is ordinary gRPC-Go code. It registers on a Host and reaches others
// through generated clients on the conns that the Host gives:
//
//	app := kerf.App{Name: "hello", Services: []kerf.Service{{
//		Name:   "greeter",
//		Serves: []*grpc.ServiceDesc{&pb.Greeter_ServiceDesc},
//		Calls:  []string{"names"},
//		New: func(ctx context.Context, h *kerf.Host) error {
//			pb.RegisterGreeterServer(h, &greeter{names: pb.NewNamesClient(h.Conn("names"))})
//			return nil
//		},
//	}}}
//	kit.Main(app) // one process; "run --plan F" makes it many
//
// This package holds only what services are written against. Package kit brings
// the links, stores and commands.
package kerf
