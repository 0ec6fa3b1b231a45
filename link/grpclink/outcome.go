package grpclink

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// progress is how far a call has come, as grpc-go's stats tell it.
type progress struct {
	ctx     context.Context //nolint:containedctx // the call's own
	streams bool            // the handler need not wait for a message
	seen    atomic.Uint32   // the bits below
}

const (
	headerSent  = 1 << iota
	messageSent // the first of the request
	statusCame  // from the server
)

type progressKey struct{}

func observe(ctx context.Context, streams bool) (context.Context, *progress) {
	p := &progress{streams: streams}
	p.ctx = context.WithValue(ctx, progressKey{}, p)
	return p.ctx, p
}

// mark gives an error of the call its outcome.
func (p *progress) mark(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	s := status.Convert(err)
	return link.Mark(s, p.outcome(s.Code()))
}

func (p *progress) outcome(code codes.Code) link.Outcome {
	seen := p.seen.Load()
	// At the end of its context a call fails by itself, whatever comes meanwhile.
	ended := p.ctx.Err() != nil && code == status.FromContextError(p.ctx.Err()).Code()
	switch {
	case seen&statusCame != 0 && !ended:
		return link.Answered
	case seen&headerSent == 0, seen&messageSent == 0 && !p.streams:
		return link.NeverSent
	}
	return link.MayHaveRun
}

// options are the call's, with marks for those who are told of its end.
func (p *progress) options(opts []grpc.CallOption) []grpc.CallOption {
	for i, opt := range opts {
		if finish, ok := opt.(grpc.OnFinishCallOption); ok {
			opts = slices.Clone(opts)
			opts[i] = grpc.OnFinish(func(err error) { finish.OnFinish(p.mark(err)) })
		}
	}
	return opts
}

// observer is the stats handler that follows each call.
type observer struct{}

var _ stats.Handler = observer{}

func (observer) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (observer) HandleRPC(ctx context.Context, event stats.RPCStats) {
	p, ok := ctx.Value(progressKey{}).(*progress)
	if !ok {
		return
	}
	switch e := event.(type) {
	case *stats.Begin:
		if e.IsTransparentRetryAttempt { // the server has told that it did not look at the one before
			p.seen.Store(0)
		}
	case *stats.OutHeader:
		p.seen.Or(headerSent)
	case *stats.OutPayload:
		p.seen.Or(messageSent)
	case *stats.InTrailer:
		p.seen.Or(statusCame)
	}
}

func (observer) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (observer) HandleConn(context.Context, stats.ConnStats) {}

func markUnary(
	ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
	opts ...grpc.CallOption,
) error {
	if err := refuse(method, opts); err != nil {
		return err
	}
	ctx, p := observe(ctx, false)
	return p.mark(invoke(ctx, method, req, reply, cc, p.options(opts)...))
}

func markStream(
	ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer,
	opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if err := refuse(method, opts); err != nil {
		return nil, err
	}
	ctx, p := observe(ctx, desc.ClientStreams)
	s, err := open(ctx, desc, cc, method, p.options(opts)...)
	if err != nil {
		return nil, p.mark(err)
	}
	return stream{s, p}, nil
}

// refuse fails what asks for a queue that accepts it: there is none. A call that
// need only be Sent waits for its reply.
func refuse(method string, opts []grpc.CallOption) error {
	wait := link.Reply
	for _, opt := range opts {
		if o, ok := opt.(link.WaitCallOption); ok {
			wait = o.Wait
		}
	}
	if wait != link.Accepted {
		return nil
	}
	return link.Mark(status.Newf(codes.Unimplemented,
		"grpc has no durable queue that could accept %s", method), link.NeverSent)
}

// stream marks the errors of a streaming call.
type stream struct {
	grpc.ClientStream

	progress *progress
}

func (s stream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	return md, s.progress.mark(err)
}

func (s stream) CloseSend() error    { return s.progress.mark(s.ClientStream.CloseSend()) }
func (s stream) SendMsg(m any) error { return s.progress.mark(s.ClientStream.SendMsg(m)) }
func (s stream) RecvMsg(m any) error { return s.progress.mark(s.ClientStream.RecvMsg(m)) }
