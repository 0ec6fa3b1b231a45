package httplink

import (
	"io"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/link/call"
)

// unary is the client's end of one call made by Invoke: one POST.
type unary struct {
	*exchange
	request call.Request
	message call.Message

	answered        bool
	err             error
	header, trailer metadata.MD
}

var _ call.Transport = (*unary)(nil)

func (u *unary) CloseSend() error { return nil }

func (u *unary) Send(m call.Message) error {
	u.message = m
	return nil
}

// Recv makes the request the first time it is called.
func (u *unary) Recv() (call.Message, error) {
	if u.answered {
		if u.err != nil {
			return call.Message{}, u.err
		}
		return call.Message{}, io.EOF
	}
	u.answered = true
	reply, err := u.post()
	if err != nil {
		u.err = fromConnect(u.ctx, err, u.isConnected())
		return call.Message{}, u.err
	}
	return call.Encoded(reply.Msg.data), nil
}

func (u *unary) post() (*connect.Response[raw], error) {
	defer u.message.Free()
	request := connect.NewRequest(&raw{data: u.message.Bytes()})
	u.dialer.setHeader(request.Header(), u.request)
	var response http.Header
	ctx := withResponse(u.ctx, &response)
	reply, err := u.dialer.client(u.request.Method, u.request.Codec).CallUnary(ctx, request)
	u.header, u.trailer = splitTrailer(response)
	return reply, err
}

func (u *unary) Header() (metadata.MD, error) { return u.header, nil }
func (u *unary) Trailer() metadata.MD         { return u.trailer }
