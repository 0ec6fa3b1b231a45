// Package call holds what a call is on every link: its options, metadata,
// limits, statuses and the rules of its streams, on both sides. A link built on
// it brings only the way that encoded messages travel:
//
//	type dialer struct{ ... }
//	func (d *dialer) Open(ctx context.Context, r call.Request) (call.Transport, error) { ... }
//
//	conn := call.NewConn(&dialer{...}, u, options) // a link.Conn
//
// and, on the other side, for each call that arrives:
//
//	end := table.Serve(ctx, call.Incoming{Method: m, Header: md}, transport)
//
// The rules follow grpc-go, which is the oracle of linktest.
package call
