// Package grpclink carries calls by grpc-go, unchanged on the wire: any gRPC
// client can call, and any gRPC server can be called, without TLS (grpc://) or
// with it (grpcs://):
//
//	server, err := grpclink.Link{}.Listen(ctx, u, link.ListenOptions{}) // u: grpc://127.0.0.1:0
//	pb.RegisterGreeterServer(server, greeter)
//	go server.Serve()
//	conn, err := grpclink.Link{}.Dial(serverURL, link.DialOptions{})
//
// Interceptors and stats handlers are grpc-go's own affair here. What Kerf adds is
// what it promises on every link: a panic ends one call, mistakes of registration
// come from Serve, a drain has its bound, dead peers are noticed, and link.Ran tells
// whether a failed call may have run.
//
// Code that insists on grpc-go's own types has them over any link: Server and
// Register lend a *grpc.Server to register on, ClientConn lends a *grpc.ClientConn.
// Serve goes the other way, and makes a link.Server of a *grpc.Server:
//
//	legacypb.RegisterStoreServer(grpclink.Server(server), store) // server: of any link
//	client := legacypb.NewStoreClient(grpclink.ClientConn(conn)) // conn: of any link
//
// A conn asks its peer for a sign of life every ten seconds while calls run. Servers
// elsewhere may forbid that: grpc-go's own allow it every five minutes, and end the
// connection otherwise. grpc://host:port?heartbeat=5m asks less often.
package grpclink
