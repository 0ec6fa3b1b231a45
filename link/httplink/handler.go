package httplink

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/transcode"
)

// compressMin is the smallest answer compressed for a client that asks for it.
const compressMin = 1 << 10

// newHandler answers every method of the table under /package.Service/Method, and under
// the paths of its annotation.
func newHandler(t *call.Table, o link.ListenOptions, secure bool) (http.Handler, error) {
	annotated, err := rest(t, o, secure)
	if err != nil {
		return nil, err
	}
	plain := restHandler(annotated)
	calls := newCalls(t, secure, plain)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case calls.methods[r.URL.Path] != nil:
			takeForm(r)
		case annotated.Matches(r):
			plain.ServeHTTP(w, r)
			return
		}
		w.Header()["Date"] = nil // metadata holds what the handler says, no more
		calls.ServeHTTP(w, r)
	}), nil
}

// NewHandler answers the calls of the methods of a table, which has been sealed, for
// servers that answer other requests too: IsCall parts these.
func NewHandler(t *call.Table) http.Handler {
	return newCalls(t, false, http.NotFoundHandler())
}

// IsCall tells of requests whose headers say that they are calls by gRPC, gRPC-Web or
// Connect. A plain POST of JSON is none, though it might be one by Connect.
func IsCall(r *http.Request) bool {
	if r.Method != http.MethodPost {
		return false
	}
	kind := r.Header.Get("Content-Type")
	return strings.HasPrefix(kind, "application/grpc") || strings.HasPrefix(kind, "application/connect+") ||
		kind == "application/proto" || r.Header.Get("Connect-Protocol-Version") != ""
}

// calls answers by the methods of a table.
type calls struct {
	methods map[string]http.Handler
	unknown http.Handler
}

func newCalls(t *call.Table, secure bool, rest http.Handler) *calls {
	options := []connect.HandlerOption{
		connect.WithCodec(rawCodec{protoName}), connect.WithCodec(rawCodec{jsonName}),
		connect.WithCodec(rawCodec{"json; charset=utf-8"}),
		connect.WithReadMaxBytes(t.MaxRecv()), connect.WithCompressMinBytes(compressMin),
	}
	c := &calls{make(map[string]http.Handler), unknownHandler{t, connect.NewErrorWriter(), rest}}
	for service, info := range t.GetServiceInfo() {
		for _, m := range info.Methods {
			path := "/" + service + "/" + m.Name
			c.methods[path] = methodHandler(arrival{t, path, secure}, m, options)
		}
	}
	return c
}

func (c *calls) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := c.methods[r.URL.Path]; h != nil {
		h.ServeHTTP(w, r)
		return
	}
	c.unknown.ServeHTTP(w, r)
}

// arrival is where the calls of one method come in.
type arrival struct {
	table  *call.Table
	path   string
	secure bool
}

// serve runs the handler of a call from an address.
func (a arrival) serve(ctx context.Context, from string, h http.Header, tr call.ServerTransport) call.End {
	ctx = peer.NewContext(ctx, peerOf(parseAddr(from), a.secure))
	return a.table.Serve(ctx, incoming(a.path, h), tr)
}

func methodHandler(a arrival, m grpc.MethodInfo, options []connect.HandlerOption) http.Handler {
	path := a.path
	options = append(slices.Clip(options), connect.WithInterceptors(streamInterceptor{a}))
	switch {
	case m.IsClientStream && m.IsServerStream:
		return connect.NewBidiStreamHandler[raw, raw](path, nil, options...)
	case m.IsClientStream:
		return connect.NewClientStreamHandler[raw, raw](path, nil, options...)
	case m.IsServerStream:
		return connect.NewServerStreamHandler[raw, raw](path, nil, options...)
	}
	unary := connect.NewUnaryHandler(path, unaryHandler{a}.serve, options...)
	streamed := connect.NewBidiStreamHandler[raw, raw](path, nil, options...)
	return hurried(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/connect+") {
			streamed.ServeHTTP(w, r) // as proxies call, for which every method is a stream
			return
		}
		unary.ServeHTTP(w, r)
	}), maxReading)
}

// unknownHandler says in the caller's protocol what is not here.
type unknownHandler struct {
	table  *call.Table
	writer *connect.ErrorWriter
	rest   http.Handler // tells what is missing to all others
}

func (h unknownHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || !h.writer.IsSupported(r) {
		h.rest.ServeHTTP(w, r)
		return
	}
	end := h.table.Serve(r.Context(), call.Incoming{Method: r.URL.Path}, nil)
	w.Header().Set(endHeader, "1")
	_ = h.writer.Write(w, r, toConnect(end.Status)) // the caller is gone if this fails
}

// unaryHandler serves one unary method.
type unaryHandler struct{ arrival }

func (h unaryHandler) serve(ctx context.Context, r *connect.Request[raw]) (*connect.Response[raw], error) {
	tr := &unaryTransport{request: call.Encoded(r.Msg.data), header: make(http.Header)}
	end := h.arrival.serve(ctx, r.Peer().Addr, r.Header(), tr)
	trailer := make(http.Header)
	addMetadata(trailer, end.Trailer)
	info, _ := connect.CallInfoForHandlerContext(ctx)
	merge(info.ResponseHeader(), tr.header)
	merge(info.ResponseTrailer(), trailer)
	if end.Status != nil {
		if after := transcode.RetryAfter(end.Trailer); after != "" && isJSON(r.Header()) {
			info.ResponseHeader().Set("Retry-After", after)
		}
		return nil, toConnect(end.Status)
	}
	return connect.NewResponse(&raw{data: tr.reply}), nil
}

// unaryTransport holds the one message each way.
type unaryTransport struct {
	request call.Message
	asked   bool
	header  http.Header
	reply   []byte
}

var _ call.ServerTransport = (*unaryTransport)(nil)

func (t *unaryTransport) Recv() (call.Message, error) {
	if t.asked {
		return call.Message{}, io.EOF
	}
	t.asked = true
	return t.request, nil
}

func (t *unaryTransport) SendHeader(header metadata.MD) error {
	addMetadata(t.header, header)
	return nil
}

func (t *unaryTransport) Send(m call.Message) error {
	t.reply = m.Bytes()
	m.Free()
	return nil
}

// streamInterceptor serves a streaming method in place of connect-go's own
// handler functions, which would read the first message by themselves.
type streamInterceptor struct{ arrival }

var _ connect.Interceptor = streamInterceptor{}

func (i streamInterceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc { return next }

func (i streamInterceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (i streamInterceptor) WrapStreamingHandler(connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		tr := &streamTransport{conn: conn}
		end := i.serve(ctx, conn.Peer().Addr, conn.RequestHeader(), tr)
		if !tr.headed {
			conn.ResponseHeader().Set(endHeader, "1")
		}
		addMetadata(conn.ResponseTrailer(), end.Trailer)
		if err := toConnect(end.Status); err != nil {
			return err
		}
		return nil
	}
}

// streamTransport is a handler's end of a stream.
type streamTransport struct {
	conn   connect.StreamingHandlerConn
	headed bool
}

var _ call.ServerTransport = (*streamTransport)(nil)

func (t *streamTransport) Recv() (call.Message, error) {
	var m raw
	if err := t.conn.Receive(&m); err != nil {
		if errors.Is(err, io.EOF) {
			return call.Message{}, io.EOF
		}
		return call.Message{}, status.Error(codes.Code(connect.CodeOf(err)), err.Error())
	}
	return call.Encoded(m.data), nil
}

func (t *streamTransport) SendHeader(header metadata.MD) error {
	t.headed = true
	addMetadata(t.conn.ResponseHeader(), header)
	return t.conn.Send(nil)
}

func (t *streamTransport) Send(m call.Message) error {
	defer m.Free()
	return t.conn.Send(&raw{data: m.Bytes()})
}

func incoming(path string, h http.Header) call.Incoming {
	md := readMetadata(h)
	md[":authority"] = h["Host"]
	md["content-type"] = h["Content-Type"]
	md["user-agent"] = h["User-Agent"]
	codec := h.Get(codecHeader)
	if codec == "" && isJSON(h) {
		codec = "json"
	}
	return call.Incoming{Method: path, Header: md, Codec: codec}
}

func isJSON(h http.Header) bool { return strings.Contains(h.Get("Content-Type"), "json") }

func merge(to, from http.Header) {
	for name, values := range from {
		to[name] = append(to[name], values...)
	}
}

func parseAddr(s string) net.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return net.TCPAddrFromAddrPort(ap)
	}
	return nil
}
