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
)

// compressMin is the smallest answer compressed for a client that asks for it.
const compressMin = 1 << 10

// newHandler answers every method of the table under /package.Service/Method.
func newHandler(t *call.Table, o link.ListenOptions, secure bool) http.Handler {
	maxRecv := o.MaxRecv
	if maxRecv == 0 {
		maxRecv = link.DefaultMaxRecv
	}
	options := []connect.HandlerOption{
		connect.WithCodec(rawCodec{protoName}), connect.WithCodec(rawCodec{jsonName}),
		connect.WithCodec(rawCodec{"json; charset=utf-8"}),
		connect.WithReadMaxBytes(maxRecv), connect.WithCompressMinBytes(compressMin),
	}
	methods := make(map[string]http.Handler)
	for service, info := range t.GetServiceInfo() {
		for _, m := range info.Methods {
			path := "/" + service + "/" + m.Name
			methods[path] = methodHandler(arrival{t, path, secure}, m, options)
		}
	}
	unknown := unknownHandler{t, connect.NewErrorWriter()}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil // metadata holds what the handler says, no more
		if h := methods[r.URL.Path]; h != nil {
			takeForm(r)
			h.ServeHTTP(w, r)
			return
		}
		unknown.ServeHTTP(w, r)
	})
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
}

func (h unknownHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.writer.IsSupported(r) {
		http.Error(w, "no such page: services are called by POST /package.Service/Method", http.StatusNotFound)
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
	if codec == "" && strings.Contains(h.Get("Content-Type"), "json") {
		codec = "json"
	}
	return call.Incoming{Method: path, Header: md, Codec: codec}
}

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
