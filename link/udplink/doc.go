// Package udplink carries calls over UDP: a datagram each way, and no connection.
//
//	server, err := udplink.Link{}.Listen(ctx, u, link.ListenOptions{}) // u: udp://127.0.0.1:0
//	conn, err := udplink.Link{}.Dial(u, link.DialOptions{})            // u: server.URL()
//
// A call is repeated until it is answered, and still runs once at most: the server
// remembers what it has seen, and a server that was started anew refuses what was
// meant for the one before. A call that is Sent leaves once, and is never answered.
// What does not fit into one datagram fails at once.
//
// Package frame has the frames, and docs/links/udp.md the datagrams.
package udplink
