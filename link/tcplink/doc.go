// Package tcplink carries calls in frames over TCP: many calls on one connection.
//
//	server, err := tcplink.Link{}.Listen(ctx, u, link.ListenOptions{}) // u: tcp://127.0.0.1:0
//	conn, err := tcplink.Link{}.Dial(u, link.DialOptions{})            // u: server.URL()
//
// tls+tcp:// is the same inside TLS. A conn holds one connection and makes another
// when that is lost; calls that were on it end with Unavailable. Writes of calls
// that come together leave together. Both ends notice within half a minute that the
// other is gone.
//
// Package frame has the frames, and docs/links/tcp.md the wire format.
package tcplink
