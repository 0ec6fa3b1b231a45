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

	streamed        call.Transport // takes over if the method turns out to stream
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
	if u.streamed != nil {
		return u.streamed.Recv()
	}
	if u.answered {
		if u.err != nil {
			return call.Message{}, u.err
		}
		return call.Message{}, io.EOF
	}
	u.answered = true
	defer u.message.Free()
	var response http.Response
	reply, err := u.post(&response)
	if response.StatusCode == http.StatusUnsupportedMediaType {
		return u.stream()
	}
	if err != nil {
		u.err = fromConnect(u.ctx, err, u.isConnected())
		return call.Message{}, u.err
	}
	return call.Encoded(reply.Msg.data), nil
}

func (u *unary) post(response *http.Response) (*connect.Response[raw], error) {
	request := connect.NewRequest(&raw{data: u.message.Bytes()})
	u.dialer.setHeader(request.Header(), u.request)
	ctx := withResponse(u.ctx, response)
	reply, err := u.dialer.client(u.request).CallUnary(ctx, request)
	u.header, u.trailer = splitTrailer(response.Header)
	return reply, err
}

// stream makes the call again, as a stream: the server has told that the method
// does not take unary calls, and has not run it.
func (u *unary) stream() (call.Message, error) {
	s, err := openStream(u.ctx, u.dialer, u.request)
	if err != nil {
		return call.Message{}, err
	}
	u.streamed = s
	if s.Send(call.Encoded(u.message.Bytes())) == nil {
		_ = s.CloseSend() // what fails here, Recv tells
	}
	return s.Recv()
}

func (u *unary) Header() (metadata.MD, error) {
	if u.streamed != nil {
		return u.streamed.Header()
	}
	return u.header, nil
}

func (u *unary) Trailer() metadata.MD {
	if u.streamed != nil {
		return u.streamed.Trailer()
	}
	return u.trailer
}
