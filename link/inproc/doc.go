// Package inproc carries calls inside one process, as function calls that behave
// like calls over a network: messages are copied by encoding them, the handler
// runs on another goroutine, and no value of the caller's context is seen by the
// callee. URLs are inproc://NAME; an empty name is replaced by a free one.
//
//	var names inproc.Link
//	server, err := names.Listen(ctx, &url.URL{Scheme: "inproc", Host: "chirp"}, link.ListenOptions{})
//	...
//	conn, err := names.Dial(u, link.DialOptions{})
//
// Encoding instead of cloning keeps every limit, check and quirk of the wire
// without a second implementation; docs/decisions tells what it costs.
package inproc
