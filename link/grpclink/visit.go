package grpclink

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
)

// lender owns a *grpc.Server that is lent. A grpc.Server does not tell the handlers
// that are registered on it, but it hands them to its interceptors: the lender visits
// it with a request that holds no more than a number, and takes the handler along, so
// that it runs with the link's own context, messages and stream.
type lender struct {
	grpc   *grpc.Server
	visits sync.Map // their numbers -> *visit
	last   atomic.Uint64
}

var (
	_ encoding.CodecV2    = (*lender)(nil)
	_ stats.Handler       = (*lender)(nil)
	_ http.ResponseWriter = (*visit)(nil)
	_ http.Flusher        = (*visit)(nil)
)

func newLender() *lender {
	l := &lender{}
	l.grpc = grpc.NewServer(grpc.ForceServerCodecV2(l), grpc.StatsHandler(l),
		grpc.UnaryInterceptor(takeUnary), grpc.StreamInterceptor(takeStream))
	return l
}

// visit is one look for the handler of a method.
type visit struct {
	ctx    context.Context //nolint:containedctx // the link's, of the call
	decode func(any) error // the link's, of the request

	came      bool  // the server was not stopped
	undecoded error // what decode said
	ended     chan struct{}

	server any // of a stream
	stream grpc.StreamHandler

	request any // of a unary call
	info    *grpc.UnaryServerInfo
	handler grpc.UnaryHandler

	// Of a unary handler that has passed its interceptor by, and so has run.
	reply   any
	err     error
	header  http.Header
	trailer metadata.MD
}

// frame is how gRPC announces a message of eight bytes.
const frame = "\x00\x00\x00\x00\x08"

func (l *lender) visit(ctx context.Context, method string, decode func(any) error) *visit {
	v := &visit{ctx: ctx, decode: decode, header: make(http.Header), ended: make(chan struct{})}
	number := l.last.Add(1)
	l.visits.Store(number, v)
	defer l.visits.Delete(number)
	body := bytes.NewReader(binary.BigEndian.AppendUint64([]byte(frame), number))
	r := &http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: method}, ProtoMajor: 2, Body: io.NopCloser(body),
		Header: http.Header{"Content-Type": {"application/grpc"}},
	}
	l.grpc.ServeHTTP(v, r.WithContext(context.WithValue(context.Background(), visitKey{}, v)))
	if v.came = body.Len() == 0; v.came {
		<-v.ended
	}
	return v
}

// Unmarshal has the link decode the message of the visit that data numbers.
func (l *lender) Unmarshal(data mem.BufferSlice, m any) error {
	number := data.Materialize()
	if len(number) == len(frame)+3 {
		if v, ok := l.visits.Load(binary.BigEndian.Uint64(number)); ok {
			v := v.(*visit) //nolint:forcetypeassert // only visits are stored
			v.undecoded = v.decode(m)
			return v.undecoded
		}
	}
	return errLent
}

// Marshal leaves encoding to the link.
func (*lender) Marshal(any) (mem.BufferSlice, error) { return nil, nil }

func (*lender) Name() string { return "lent" }

var (
	errLent  = errors.New("the grpc.Server is lent by grpclink.Server: it serves nothing by itself")
	errTaken = errors.New("the handler is taken along")
)

type visitKey struct{}

func takeUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		v.request, v.info, v.handler = req, info, handler
	}
	return nil, errTaken
}

func takeStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if v, ok := stream.Context().Value(visitKey{}).(*visit); ok {
		v.server, v.stream = srv, handler
		return errTaken
	}
	return errLent
}

// TagRPC gives the handler the link's context, should it run during the visit.
func (*lender) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return context.WithValue(v.ctx, visitKey{}, v)
	}
	return ctx
}

func (*lender) HandleRPC(ctx context.Context, event stats.RPCStats) {
	v, ok := ctx.Value(visitKey{}).(*visit)
	if !ok {
		return
	}
	switch e := event.(type) {
	case *stats.OutPayload:
		v.reply = e.Payload
	case *stats.OutTrailer:
		v.trailer = e.Trailer
	case *stats.End:
		v.err = e.Error
		close(v.ended)
	}
}

func (*lender) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (*lender) HandleConn(context.Context, stats.ConnStats) {}

func (v *visit) Header() http.Header         { return v.header }
func (v *visit) Write(p []byte) (int, error) { return len(p), nil }
func (v *visit) WriteHeader(int)             {}
func (v *visit) Flush()                      {}

// answer is that of a handler which has run. What it gave to grpc-go for its caller
// goes to the link.
func (v *visit) answer() (any, error) {
	header := make(metadata.MD)
	for key, values := range v.header {
		if key == "Trailer" || strings.HasPrefix(key, http.TrailerPrefix) || key == "Grpc-Status-Details-Bin" {
			continue
		}
		for _, value := range values {
			if strings.HasSuffix(key, "-Bin") {
				raw, _ := base64.RawStdEncoding.DecodeString(value) // as it was encoded
				value = string(raw)
			}
			header.Append(key, value)
		}
	}
	if err := errors.Join(grpc.SetHeader(v.ctx, header), grpc.SetTrailer(v.ctx, v.trailer)); err != nil {
		return nil, err
	}
	return v.reply, v.err
}
