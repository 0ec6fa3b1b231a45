// Package frame is what links share that carry calls in frames of their own: how
// frames are written, and both ends of a call that is made of them. A link brings
// a Wire, and hands the frames that arrive to the end they belong to:
//
//	caller := frame.NewCaller(ctx, wire, id, request) // a call.Transport
//	for f := range arriving { err = caller.Handle(f) }
//
// and on the server's side
//
//	callee, err := frame.NewCallee(ctx, wire, f, table) // f opens a call
//	go callee.Run()
//
// The format is specified, byte by byte, in docs/links/frames.md.
package frame
