package httplink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/transcode"
)

// rest answers the paths of google.api.http annotations. Services that this program has
// no description of have none.
func rest(t *call.Table, o link.ListenOptions, secure bool) (*transcode.Handler, error) {
	var services []transcode.Service
	for name := range t.GetServiceInfo() {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		if desc, ok := found.(protoreflect.ServiceDescriptor); err == nil && ok {
			services = append(services, transcode.Service{Desc: desc, Conn: ownConn{t, secure}})
		}
	}
	h, err := transcode.New(services, transcode.Options{MaxBody: int64(max(o.MaxRecv, 0))})
	if err != nil {
		return nil, fmt.Errorf("google.api.http annotations: %w", err)
	}
	return h, nil
}

// requestKey leads to the *http.Request that a call was made by.
type requestKey struct{}

// restHandler lets calls know the request that they come from.
func restHandler(h *transcode.Handler) http.Handler {
	return hurried(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, r)))
	}), maxReading)
}

// ownConn calls the services of its own server.
type ownConn struct {
	table  *call.Table
	secure bool
}

var _ grpc.ClientConnInterface = ownConn{}

func (c ownConn) Invoke(ctx context.Context, method string, request, reply any, opts ...grpc.CallOption) error {
	s, err := c.open(ctx, method)
	if err != nil {
		return err
	}
	if err := s.SendMsg(request); err != nil {
		return err
	}
	tr := &restTransport{request: s.request}
	end := s.serve(tr)
	for _, o := range opts {
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = tr.header
		case grpc.TrailerCallOption:
			*o.TrailerAddr = end.Trailer
		}
	}
	switch {
	case end.Status != nil:
		return end.Status.Err()
	case !tr.answered:
		return status.Error(codes.Internal, "the handler has not answered")
	}
	return unmarshal(tr.reply, reply)
}

func (c ownConn) NewStream(
	ctx context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return c.open(ctx, method)
}

func (c ownConn) open(ctx context.Context, method string) (*ownStream, error) {
	r, ok := ctx.Value(requestKey{}).(*http.Request)
	if !ok {
		return nil, status.Error(codes.Internal, "the call was not made by a request")
	}
	md, _ := metadata.FromOutgoingContext(ctx)
	md = md.Copy()
	md[":authority"] = []string{r.Host}
	md["content-type"] = []string{"application/json"}
	md["user-agent"] = r.Header["User-Agent"]
	return &ownStream{
		ctx: peer.NewContext(ctx, peerOf(parseAddr(r.RemoteAddr), c.secure)), table: c.table,
		incoming: call.Incoming{Method: method, Header: md},
	}, nil
}

// ownStream is the caller's end of a call with one request.
type ownStream struct {
	ctx      context.Context //nolint:containedctx // the call's own
	table    *call.Table
	incoming call.Incoming
	request  call.Message
	replies  chan call.Message // nil until CloseSend
	header   metadata.MD       // there with the first reply
	end      call.End          // there once replies is closed
}

var _ grpc.ClientStream = (*ownStream)(nil)

func (s *ownStream) serve(tr call.ServerTransport) call.End {
	return s.table.Serve(s.ctx, s.incoming, tr)
}

func (s *ownStream) SendMsg(m any) error {
	p, ok := m.(proto.Message)
	if !ok {
		return status.Errorf(codes.Internal, "%T is no proto.Message", m)
	}
	b, err := proto.Marshal(p)
	s.request = call.Encoded(b)
	return err
}

// CloseSend begins the call. The handler's goroutine ends before the last RecvMsg does.
func (s *ownStream) CloseSend() error {
	s.replies = make(chan call.Message)
	go func() {
		defer close(s.replies)
		s.end = s.serve(&restTransport{request: s.request, stream: s})
	}()
	return nil
}

// RecvMsg waits for the handler even if the caller is gone, who is told by the context.
func (s *ownStream) RecvMsg(m any) error {
	reply, ok := <-s.replies
	if ok {
		return unmarshal(reply, m)
	}
	if s.end.Status != nil {
		return s.end.Status.Err()
	}
	return io.EOF
}

func (s *ownStream) Header() (metadata.MD, error) { return s.header, nil }
func (s *ownStream) Trailer() metadata.MD         { return s.end.Trailer }
func (s *ownStream) Context() context.Context     { return s.ctx }

func unmarshal(m call.Message, into any) error {
	defer m.Free()
	p, ok := into.(proto.Message)
	if !ok {
		return status.Errorf(codes.Internal, "%T is no proto.Message", into)
	}
	return proto.Unmarshal(m.View(), p)
}

// restTransport is the handler's end.
type restTransport struct {
	request  call.Message
	asked    bool
	header   metadata.MD
	reply    call.Message
	answered bool
	stream   *ownStream // nil: there is one reply, which is kept
}

var _ call.ServerTransport = (*restTransport)(nil)

func (t *restTransport) Recv() (call.Message, error) {
	if t.asked {
		return call.Message{}, io.EOF
	}
	t.asked = true
	return t.request, nil
}

func (t *restTransport) SendHeader(header metadata.MD) error {
	t.header = header
	if t.stream != nil {
		t.stream.header = header
	}
	return nil
}

func (t *restTransport) Send(m call.Message) error {
	if t.stream == nil {
		t.reply, t.answered = m, true
		return nil
	}
	select {
	case t.stream.replies <- m:
		return nil
	case <-t.stream.ctx.Done():
		m.Free()
		return errGone
	}
}

var errGone = errors.New("the client is gone")
