// Package natslink carries calls over a NATS broker.
//
//	server, err := natslink.Link{}.Listen(ctx, u, link.ListenOptions{}) // u: nats://127.0.0.1:4222/chirp.accounts
//	conn, err := natslink.Link{}.Dial(u, link.DialOptions{})
//
// Servers of one subject share its calls; all frames of one call go to the same of
// them. A unary call that fits into a message is one message there and one back.
// tls+nats:// is the same inside TLS.
//
// A conn without a broker, or a subject without a server, is Unavailable at once:
// nothing is kept for later. Both ends notice within some seconds that the other is
// gone.
//
// Package frame has the frames, and docs/links/nats.md the wire format.
package natslink
