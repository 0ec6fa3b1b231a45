package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/httplink"
	"github.com/kerf-go/kerf/transcode"
)

// newRPC passes on the calls of gRPC, gRPC-Web and Connect clients to services, by their
// conns. All other requests are next's.
func newRPC(services []transcode.Service, next http.Handler, o link.ListenOptions) (http.Handler, error) {
	table := call.NewTable(o)
	for _, s := range services {
		desc := &grpc.ServiceDesc{ServiceName: string(s.Desc.FullName()), HandlerType: (*any)(nil)}
		for i := range s.Desc.Methods().Len() {
			newPasser(s.Conn, s.Desc.Methods().Get(i)).addTo(desc)
		}
		table.RegisterService(desc, s)
	}
	if err := table.Seal(); err != nil {
		return nil, err
	}
	calls := httplink.NewHandler(table)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !httplink.IsCall(r) {
			next.ServeHTTP(w, r)
			return
		}
		calls.ServeHTTP(flusher{w}, r)
	}), nil
}

// flusher is for those who ask for http.Flusher by themselves, whatever is between.
type flusher struct{ http.ResponseWriter }

func (w flusher) Unwrap() http.ResponseWriter { return w.ResponseWriter }
func (w flusher) Flush()                      { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// passer passes on the calls of one method. Messages are made anew of their bytes, with fields
// that nobody here knows: what is at the conn looks into them, such as fallbacks and
// the app's interceptors.
type passer struct {
	conn    grpc.ClientConnInterface
	full    string // "/package.Service/Method"
	in, out protoreflect.MessageType
	desc    grpc.StreamDesc
}

func newPasser(conn grpc.ClientConnInterface, m protoreflect.MethodDescriptor) *passer {
	return &passer{
		conn: conn, full: "/" + string(m.Parent().FullName()) + "/" + string(m.Name()),
		in: typeOf(m.Input()), out: typeOf(m.Output()),
		desc: grpc.StreamDesc{
			StreamName: string(m.Name()), ClientStreams: m.IsStreamingClient(), ServerStreams: m.IsStreamingServer(),
		},
	}
}

func typeOf(m protoreflect.MessageDescriptor) protoreflect.MessageType {
	if t, err := protoregistry.GlobalTypes.FindMessageByName(m.FullName()); err == nil && t.Descriptor() == m {
		return t
	}
	return dynamicpb.NewMessageType(m)
}

func (p *passer) addTo(desc *grpc.ServiceDesc) {
	if p.desc.ClientStreams || p.desc.ServerStreams {
		stream := p.desc
		stream.Handler = p.stream
		desc.Streams = append(desc.Streams, stream)
		return
	}
	desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: p.desc.StreamName, Handler: p.unary})
}

func (p *passer) unary(
	_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor, //nolint:revive // grpc's order
) (any, error) {
	request, reply := p.in.New().Interface(), p.out.New().Interface()
	if err := decode(request); err != nil {
		return nil, err
	}
	var header, trailer metadata.MD
	err := p.conn.Invoke(outgoing(ctx), p.full, request, reply, grpc.Header(&header), grpc.Trailer(&trailer))
	_ = grpc.SetHeader(ctx, header) // nothing has been sent yet
	_ = grpc.SetTrailer(ctx, trailer)
	return reply, err
}

func (p *passer) stream(_ any, from grpc.ServerStream) error {
	ctx, cancel := context.WithCancelCause(outgoing(from.Context()))
	defer cancel(nil)
	to, err := p.conn.NewStream(ctx, &p.desc, p.full)
	if err != nil {
		return err
	}
	go p.ask(from, to, cancel) // ends at the latest when the client's stream does, as it does when this returns
	err = p.answer(from, to)
	from.SetTrailer(to.Trailer())
	if cause := context.Cause(ctx); cause != nil && from.Context().Err() == nil {
		return cause
	}
	return err
}

// ask passes on what the client sends. If that cannot be read, the call fails.
func (p *passer) ask(from grpc.ServerStream, to grpc.ClientStream, fail context.CancelCauseFunc) {
	for {
		m := p.in.New().Interface()
		err := from.RecvMsg(m)
		switch {
		case errors.Is(err, io.EOF):
			_ = to.CloseSend() // answer learns why it fails
			return
		case err != nil:
			fail(err)
			return
		case to.SendMsg(m) != nil: // the same
			return
		}
	}
}

// answer passes on what the service sends, until it ends.
func (p *passer) answer(from grpc.ServerStream, to grpc.ClientStream) error {
	if header, err := to.Header(); err == nil && header != nil {
		if err = from.SendHeader(header); err != nil {
			return err
		}
	}
	for {
		m := p.out.New().Interface()
		err := to.RecvMsg(m)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = from.SendMsg(m)
		}
		if err != nil || !p.desc.ServerStreams {
			return err
		}
	}
}

// outgoing passes on a call's metadata, but for what belongs to its connection, and
// what only services may say.
func outgoing(ctx context.Context) context.Context {
	md, _ := metadata.FromIncomingContext(ctx) // a copy
	for key := range md {
		if key[0] == ':' || strings.HasPrefix(key, "kerf-") || connection[key] {
			delete(md, key)
		}
	}
	return metadata.NewOutgoingContext(ctx, md)
}

var connection = map[string]bool{
	"content-type": true, "user-agent": true, "accept": true, "accept-charset": true,
	"proxy-authenticate": true, "proxy-authorization": true,
}
