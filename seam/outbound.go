package seam

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/telemetry"
)

// OutboundOptions describe one caller's way to one callee over one link.
type OutboundOptions struct {
	Caller string // the calling service's name in the app
	Callee string // the called service's name in the app
	Link   string // the link's scheme

	// Serves is what the callee serves; other methods are labelled "unknown".
	Serves []*grpc.ServiceDesc

	// Deadline tells how long a unary call of a method, "/package.Service/Method",
	// may take; 0: no limit but the context's. nil: 0 for all.
	Deadline func(method string) time.Duration

	// Wait tells when the stub of a method returns that the callee serves,
	// "/package.Service/Method". nil: link.Reply for all.
	Wait func(method string) link.Wait

	// Unary and Stream are the app's interceptors, the first one outermost. They
	// run inside Kerf's.
	Unary  []grpc.UnaryClientInterceptor
	Stream []grpc.StreamClientInterceptor
}

// Outbound makes the interceptors of a conn, outermost first, for
// link.DialOptions. Each chain belongs to one conn or to several alike.
func (s *Seam) Outbound(o OutboundOptions) ([]grpc.UnaryClientInterceptor, []grpc.StreamClientInterceptor) {
	if o.Wait == nil {
		o.Wait = awaited
	}
	client := side{metrics: s.client, kind: trace.SpanKindClient, link: o.Link, wait: o.Wait}
	out := &outbound{
		seam:     s,
		caller:   o.Caller,
		callee:   o.Callee,
		methods:  client.methods(o.Caller, map[string][]*grpc.ServiceDesc{o.Callee: o.Serves}, o.Callee),
		deadline: o.Deadline,
		sent:     make(chan struct{}, mostSent),
	}
	if out.deadline == nil {
		out.deadline = func(string) time.Duration { return 0 }
	}
	return append([]grpc.UnaryClientInterceptor{out.unary}, o.Unary...),
		append([]grpc.StreamClientInterceptor{out.stream}, o.Stream...)
}

type outbound struct {
	seam     *Seam
	caller   string
	callee   string
	methods  methods
	deadline func(method string) time.Duration
	sent     chan struct{} // holds one for each sent call under way
}

func (o *outbound) unary(
	ctx context.Context, name string, request, response any, cc *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	if quiet(name) {
		ctx, cancel := bound(ctx, o.deadline(name))
		defer cancel()
		return invoke(ctx, name, request, response, cc, opts...)
	}
	m := o.methods.of(name)
	switch m.wait {
	case link.Sent:
		return o.send(ctx, m, name, request, response, cc, invoke, opts)
	case link.Accepted:
		opts = append(slices.Clip(opts), link.WithWait(link.Accepted))
	case link.Reply:
	}
	ctx, c := o.seam.start(ctx, m, name, true)
	code := codes.Internal // unless an interceptor's panic passes by
	defer func() { c.end(code) }()
	ctx, cancel := bound(o.inject(ctx), o.deadline(name))
	defer cancel()
	c.request(request)
	err := invoke(ctx, name, request, response, cc, opts...)
	if err == nil {
		c.response(response)
	}
	code = codeOf(err)
	return err
}

func (o *outbound) stream(
	ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, name string,
	open grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if quiet(name) {
		return open(ctx, desc, cc, name, opts...)
	}
	ctx, c := o.seam.start(ctx, o.methods.of(name), name, true)
	ctx, cancel := bound(o.inject(ctx), 0)
	stream := &clientStream{call: c, cancel: cancel, answers: desc.ServerStreams}
	opts = append(slices.Clip(opts), grpc.OnFinish(func(err error) { stream.finish(codeOf(err)) }))
	opened := false
	defer func() {
		if !opened {
			stream.end(codes.Internal) // an interceptor's panic passes by
		}
	}()
	under, err := open(ctx, desc, cc, name, opts...)
	opened = true
	if err != nil {
		stream.end(codeOf(err))
		return nil, err
	}
	stream.ClientStream = under
	return stream, nil
}

// inject adds Kerf's keys to the outgoing metadata, in place of what is there under
// them: a handler may have passed on all that it was given.
func (o *outbound) inject(ctx context.Context) context.Context {
	var given []string
	if md, ok := metadata.FromOutgoingContext(ctx); ok { // a copy
		given = md[correlationKey]
		for _, key := range o.seam.reserved {
			delete(md, key)
		}
		ctx = metadata.NewOutgoingContext(ctx, md)
	}
	pairs := make(departing, 0, 8)
	pairs = append(pairs, callerKey, o.caller, correlationKey, correlation(ctx, given))
	o.seam.propagator.Inject(ctx, &pairs)
	return metadata.AppendToOutgoingContext(ctx, pairs...)
}

func correlation(ctx context.Context, given []string) string {
	if id := telemetry.Correlation(ctx); id != "" {
		return id
	}
	if len(given) > 0 && telemetry.ValidCorrelation(given[0]) {
		return given[0]
	}
	return telemetry.NewCorrelation()
}
