package seam

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/internal/bounded"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/telemetry"
)

// InboundOptions describe one link on which a process is called.
type InboundOptions struct {
	Link string // the link's scheme

	// Serves is what the process's services serve, by the services' names in the
	// app; other methods, and their callee, are labelled "unknown".
	Serves map[string][]*grpc.ServiceDesc

	// Callers are the app's services. They are always labelled by name; of other
	// callers only the first 64 are.
	Callers []string

	// Policy tells the policies of a method, "/package.Service/Method"; of those that no
	// service declares they are those of "". nil: there are none.
	Policy func(method string) policy.Settings

	// Unary and Stream are the app's interceptors, the first one outermost. They
	// run inside Kerf's.
	Unary  []grpc.UnaryServerInterceptor
	Stream []grpc.StreamServerInterceptor
}

// Inbound makes the interceptors of a server, outermost first, for
// link.ListenOptions.
func (s *Seam) Inbound(o InboundOptions) ([]grpc.UnaryServerInterceptor, []grpc.StreamServerInterceptor) {
	server := side{metrics: s.server, kind: trace.SpanKindServer, link: o.Link, wait: awaited}
	server.inbound = func(m *method, callee, full string) {
		m.observe = s.policies.observer("", callee)
		if o.Policy != nil {
			m.gate = s.policies.inbound(callee).Method(o.Policy(full))
		}
	}
	in := &arrival{seam: s, callers: newCallers(o.Callers, func(caller string) methods {
		return server.methods(caller, o.Serves, unknown)
	})}
	return append([]grpc.UnaryServerInterceptor{in.unary}, o.Unary...),
		append([]grpc.StreamServerInterceptor{in.stream}, o.Stream...)
}

// arrival is where calls come in.
type arrival struct {
	seam    *Seam
	callers *callers
}

func (a *arrival) unary(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (any, error) {
	if quiet(info.FullMethod) {
		return handle(ctx, request)
	}
	ctx, m, c := a.receive(ctx, info.FullMethod)
	code := codes.Internal // unless the handler's panic passes by
	var err error
	entered, runs := false, false
	defer func() {
		if runs {
			m.panicked(ctx, info.FullMethod)
		}
		took := c.end(code)
		if entered {
			m.gate.Leave(c.begin, took, code)
		}
		a.seam.log(ctx, &c, info.FullMethod, code, err)
	}()
	c.request(request)
	if err = a.admit(ctx, m, &c, info.FullMethod, false); err != nil {
		code = codeOf(err)
		return nil, err
	}
	entered, runs = m.gate != nil, true
	response, err := handle(ctx, request)
	runs = false
	if err == nil {
		c.response(response)
	}
	code = codeOf(err)
	return response, told(err)
}

func (a *arrival) stream(
	impl any, under grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler,
) error {
	if quiet(info.FullMethod) {
		return handle(impl, under)
	}
	ctx, m, c := a.receive(under.Context(), info.FullMethod)
	code := codes.Internal // unless the handler's panic passes by
	var err error
	runs := false
	defer func() {
		if runs {
			m.panicked(ctx, info.FullMethod)
		}
		c.end(code)
		a.seam.log(ctx, &c, info.FullMethod, code, err)
	}()
	err = a.admit(ctx, m, &c, info.FullMethod, true)
	if err == nil {
		runs = true
		err = handle(impl, &serverStream{ServerStream: under, ctx: ctx, call: &c})
		runs = false
	}
	code = codeOf(err)
	return told(err)
}

// receive makes the handler's context: it continues the caller's trace and
// correlation, and knows until when the caller waits.
func (a *arrival) receive(ctx context.Context, name string) (context.Context, *method, call) {
	md := arrived{ctx}
	m := a.callers.of(md.Get(callerKey)).of(name)
	id := md.Get(correlationKey)
	if !telemetry.ValidCorrelation(id) {
		id = telemetry.NewCorrelation()
	}
	under := ctx
	if deadline, ok := ctx.Deadline(); ok {
		ctx = &inbound{ctx, deadline}
	}
	ctx = a.seam.propagator.Extract(telemetry.WithCorrelation(ctx, id), md)
	ctx, c := a.seam.start(ctx, m, name, false)
	c.late = late(under, c.begin)
	return ctx, m, c
}

// admit refuses a call that comes too late, too often, or on top of too many.
func (a *arrival) admit(ctx context.Context, m *method, c *call, name string, stream bool) error {
	if c.late != nil {
		m.observe(ctx, policy.Event{Policy: "deadline", What: "refused", Method: name, Err: c.late})
		return c.late
	}
	if m.gate == nil {
		return nil
	}
	return m.gate.Enter(ctx, m.caller, name, stream, c.begin)
}

// panicked tells that a handler's panic passes by, on its way to the barrier of the link,
// which logs it with its stack.
func (m *method) panicked(ctx context.Context, name string) {
	m.observe(ctx, policy.Event{Policy: "panic", What: "caught", Method: name})
}

// late refuses a call that nobody waits for any more. The clock is asked as well
// as the context, whose timer may fire a little later.
func late(ctx context.Context, now time.Time) error {
	err := bounded.Told(ctx)
	if deadline, ok := ctx.Deadline(); err == nil && ok && !now.Before(deadline) {
		err = context.DeadlineExceeded
	}
	if err == nil {
		return nil
	}
	return status.FromContextError(err).Err()
}

// serverStream counts messages and hands on the handler's context.
type serverStream struct {
	grpc.ServerStream
	ctx  context.Context //nolint:containedctx // a stream's context has no other place
	call *call
}

var _ grpc.ServerStream = (*serverStream)(nil)

func (s *serverStream) Context() context.Context { return s.ctx }

func (s *serverStream) SendMsg(message any) error {
	err := s.ServerStream.SendMsg(message)
	if err == nil {
		s.call.response(message)
	}
	return err
}

func (s *serverStream) RecvMsg(message any) error {
	err := s.ServerStream.RecvMsg(message)
	if err == nil {
		s.call.request(message)
	}
	return err
}
