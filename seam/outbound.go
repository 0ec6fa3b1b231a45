package seam

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/telemetry"
)

// OutboundOptions describe one caller's way to one callee over one link.
type OutboundOptions struct {
	Caller string // the calling service's name in the app
	Callee string // the called service's name in the app
	Link   string // the link's scheme

	// Serves is what the callee serves; other methods are labelled "unknown".
	Serves []*grpc.ServiceDesc

	// Deadline tells how long a call of a method, "/package.Service/Method", may take, or a
	// stream last; 0: no limit but the context's. nil: 0 for all.
	Deadline func(method string) time.Duration

	// Wait tells when the stub of a method returns that the callee serves,
	// "/package.Service/Method". nil: link.Reply for all.
	Wait func(method string) link.Wait

	// Policy tells the policies of a method, "/package.Service/Method"; of those that the
	// callee does not declare they are those of "". nil: there are none.
	Policy func(method string) policy.Settings

	// Unary and Stream are the app's interceptors, the first one outermost. They
	// run inside Kerf's, for each attempt.
	Unary  []grpc.UnaryClientInterceptor
	Stream []grpc.StreamClientInterceptor
}

// Outbound makes the interceptors of a conn, outermost first, for
// link.DialOptions. Each chain belongs to one conn or to several alike.
func (s *Seam) Outbound(o OutboundOptions) ([]grpc.UnaryClientInterceptor, []grpc.StreamClientInterceptor) {
	if o.Wait == nil {
		o.Wait = awaited
	}
	if o.Deadline == nil {
		o.Deadline = func(string) time.Duration { return 0 }
	}
	observe, deadlines := s.policies.observer(o.Caller, o.Callee), deadlineStates(o.Deadline, o.Serves)
	s.policies.add(o.Caller, o.Callee, func() []policy.State { return deadlines })
	client := side{metrics: s.client, kind: trace.SpanKindClient, link: o.Link, wait: o.Wait}
	if o.Policy != nil {
		out := policy.NewOutbound(observe)
		s.policies.add(o.Caller, o.Callee, out.States)
		client.outbound = func(m *method, full string) {
			settings := o.Policy(full)
			settings.Method = full
			if f := settings.Fallback; f != nil && f.Method != "" {
				answers, its := *f, o.Policy(f.Method)
				answers.Policies, settings.Fallback = &its, &answers
			}
			m.guard, m.streams = out.Method(settings), out.Stream(settings)
		}
	}
	out := &outbound{
		seam:     s,
		caller:   o.Caller,
		callee:   o.Callee,
		methods:  client.methods(o.Caller, map[string][]*grpc.ServiceDesc{o.Callee: o.Serves}, o.Callee),
		deadline: o.Deadline,
		sent:     make(chan struct{}, mostSent),
		observe:  observe,
	}
	return append([]grpc.UnaryClientInterceptor{out.unary, out.attempt}, o.Unary...),
		append([]grpc.StreamClientInterceptor{out.stream}, o.Stream...)
}

type outbound struct {
	seam     *Seam
	caller   string
	callee   string
	methods  methods
	deadline func(method string) time.Duration
	sent     chan struct{} // holds one for each sent call under way
	observe  policy.Observer
}

func (o *outbound) unary(
	ctx context.Context, name string, request, response any, cc *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	if quiet(name) {
		own := bound(ctx, o.deadline(name), time.Now())
		defer own.Cancel()
		return invoke(own, name, request, response, cc, opts...)
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
	ctx = o.inject(ctx)
	own := bound(ctx, o.deadline(name), c.begin)
	defer own.Cancel()
	c.request(request)
	err := m.invoke(own, name, request, response, cc, invoke, opts)
	if err == nil {
		c.response(response)
	} else {
		o.expired(ctx, own, name, err)
	}
	code = codeOf(err)
	return err
}

// attempt is one of a call's, inside its policies.
func (o *outbound) attempt(
	ctx context.Context, name string, request, response any, cc *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	err := invoke(ctx, name, request, response, cc, opts...)
	if err != nil {
		o.untaken(ctx, name, err)
	}
	return err
}

// untaken tells of an attempt that no server took: it drains, or is not there.
func (o *outbound) untaken(ctx context.Context, name string, err error) {
	if codeOf(err) == codes.Unavailable && link.Ran(err) == link.NeverSent && !quiet(name) {
		o.observe(ctx, policy.Event{Policy: "link", What: "refused", Method: name, Err: err})
	}
}

// invoke calls under the policies of the method.
func (m *method) invoke(
	ctx context.Context, name string, request, response any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
	opts []grpc.CallOption,
) error {
	if m.guard == nil {
		return invoke(ctx, name, request, response, cc, opts...)
	}
	return m.guard(ctx, name, request, response, cc, invoke, opts...)
}

func (o *outbound) stream(
	ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, name string,
	open grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if quiet(name) {
		return open(ctx, desc, cc, name, opts...)
	}
	m := o.methods.of(name)
	ctx, c := o.seam.start(ctx, m, name, true)
	fares, err := m.streams.Enter(ctx, name, opts)
	if err != nil {
		c.end(codeOf(err))
		return nil, err
	}
	own := bound(o.inject(ctx), o.deadline(name), c.begin)
	watch := m.streams.Watch(own, name)
	stream := &clientStream{
		call: c, own: own, watch: watch, answers: desc.ServerStreams, fares: fares,
		failed: func(err error) { o.untaken(own, name, err) },
	}
	watch.Start(stream.idle)
	opts = append(causes(opts, watch), grpc.OnFinish(stream.finish))
	opened := false
	defer func() {
		if !opened { // an interceptor's panic passes by, which says nothing of the callee
			stream.told.Store(true)
			stream.end(status.Error(codes.Internal, "an interceptor panicked"))
		}
	}()
	under, err := open(own, desc, cc, name, opts...)
	opened = true
	if err = watch.Cause(err); err != nil {
		stream.end(err)
		return nil, err
	}
	stream.ClientStream = under
	return stream, nil
}

// causes lets OnFinish know why a stream was ended.
func causes(opts []grpc.CallOption, watch *policy.Watch) []grpc.CallOption {
	if watch == nil {
		return slices.Clip(opts)
	}
	opts = slices.Clone(opts)
	for i, o := range opts {
		if f, ok := o.(grpc.OnFinishCallOption); ok {
			opts[i] = grpc.OnFinish(func(err error) { f.OnFinish(watch.Cause(err)) })
		}
	}
	return opts
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
