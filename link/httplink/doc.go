// Package httplink carries calls over HTTP, by connect-go's protocols on
// net/http. One port answers the Connect, gRPC and gRPC-Web protocols, protobuf
// and JSON, over HTTP/1.1 and HTTP/2 without TLS (http://) or with it (https://):
//
//	server, err := httplink.Link{}.Listen(ctx, u, link.ListenOptions{}) // u: http://127.0.0.1:0
//	pb.RegisterGreeterServer(server, greeter)
//	go server.Serve()
//	conn, err := httplink.Link{}.Dial(serverURL, link.DialOptions{})
//
//	curl -d '{"name": "you"}' URL/hello.v1.Greeter/Greet
//
// Kerf's own conns speak the Connect protocol, by default over one kept-alive
// HTTP/2 connection. http://host:port?http=1 makes them use HTTP/1.1, for servers
// that know nothing else: streams in both directions at once are refused then, and a
// silent server is noticed at the call's deadline, since HTTP/1.1 has no heartbeats.
// With http://host:port?codec=json messages are JSON unless a call option says
// otherwise: for servers in languages without protobuf.
//
// A peer that takes nothing of what it is sent for 30 seconds loses the connection.
package httplink
