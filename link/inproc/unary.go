package inproc

import (
	"cmp"
	"context"
	"io"

	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/internal/bounded"
	"github.com/kerf-go/kerf/link/call"
)

// unary is both ends of one call made by Invoke. The worker writes the fields of
// the answer; the caller reads them only after the end.
type unary struct {
	exchange
	gone    <-chan struct{} // closed when the caller has left
	handler call.HandlerContext
	request call.Message
	asked   bool // the handler has taken the request
	waited  bool // the caller has waited for the end
	taken   int  // replies that the caller has taken

	header  metadata.MD
	reply   call.Message
	replied int // more than once if the method streams
}

var (
	_ call.Transport       = (*unary)(nil)
	_ call.ServerTransport = (*unaryServer)(nil)
)

func newUnary(ctx context.Context, d *dialer, s *server, r call.Request) *unary {
	u := new(unary)
	u.prepare(ctx, d, s, r)
	deadline, _ := ctx.Deadline()
	u.gone, u.until = bounded.Parts(ctx)
	u.handler.Begin(s.ctx, deadline)
	u.bell = d.bell()
	return u
}

func (u *unary) CloseSend() error { return nil }

func (u *unary) Send(m call.Message) error {
	u.request = m
	if !u.server.start(u) {
		m.Free()
		return stopping(u.server)
	}
	return nil
}

func (u *unary) run() {
	defer u.finish()
	u.handle(&u.handler, (*unaryServer)(u))
}

func (u *unary) finish() {
	u.handler.End(context.Canceled)
	if u.becomes(ended) {
		u.bell <- struct{}{}
	}
}

func (u *unary) Recv() (call.Message, error) {
	if err := u.wait(); err != nil {
		return call.Message{}, err
	}
	if u.taken < u.replied {
		u.taken++
		m := u.reply
		u.reply = call.Message{} // it is the receiver's now; what else was sent is not kept
		return m, nil
	}
	return call.Message{}, u.status()
}

// wait returns at the end, or lets the handler know that nobody waits any more.
func (u *unary) wait() error {
	if u.waited {
		return nil
	}
	if u.dialer.isClosed() {
		u.cut() // it may have been closed before this call was in the server's list
	}
	select {
	case <-u.bell:
	case <-u.gone:
		if !u.becomes(left) {
			<-u.bell
		}
	}
	u.waited = true
	u.dialer.bells.Put(u.bell) // nobody rings any more; who cuts calls still looks whether there is one
	if u.ended() {
		return nil
	}
	u.handler.End(cmp.Or(u.ctx.Err(), context.Canceled))
	return u.lost()
}

func (u *unary) Header() (metadata.MD, error) {
	if !u.ended() {
		return nil, u.lost()
	}
	return u.header, nil
}

// unaryServer is the handler's end.
type unaryServer unary

func (u *unaryServer) Recv() (call.Message, error) {
	if u.asked {
		return call.Message{}, io.EOF
	}
	u.asked = true
	return u.request, nil
}

func (u *unaryServer) SendHeader(header metadata.MD) error {
	u.header = header
	return nil
}

func (u *unaryServer) Send(m call.Message) error {
	u.replied++
	if u.replied > 1 {
		m.Free() // that there is one more is all that counts
		return io.EOF
	}
	u.reply = m
	return nil
}
