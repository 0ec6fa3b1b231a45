// Package link says what every way of carrying calls must do. A link carries
// gRPC calls between processes, or inside one; its packages live below this one,
// and package linktest holds them all to the same behaviour.
//
//	var l link.Link = httplink.Link{}
//	server, err := l.Listen(ctx, u, link.ListenOptions{})
//	...
//	pb.RegisterGreeterServer(server, greeter)
//	go server.Serve()
//	conn, err := l.Dial(serverURL, link.DialOptions{})
//	reply, err := pb.NewGreeterClient(conn).Greet(ctx, request)
//	if link.Ran(err) == link.NeverSent { ... } // safe to try again
package link
