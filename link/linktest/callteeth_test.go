package linktest

import (
	"context"
	"runtime/debug"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/link"
)

func callTeeth() []tooth {
	return slices.Concat(optionTeeth(), []tooth{
		{
			name: "details are dropped", row: "details of a status arrive in order",
			broken: broken{invokes: dropsDetails},
		},
		{
			name:   "messages of statuses are trimmed",
			row:    "messages keep Unicode, line ends, percent signs and emptiness",
			broken: broken{invokes: trimsStatus},
		},
		{
			name: "replies are merged", row: "Invoke replaces what was in the reply",
			broken: broken{invokes: mergesReply},
		},
		{
			name: "unknown fields are dropped", row: "fields that nobody knows survive",
			broken: broken{invokes: dropsUnknown},
		},
		{
			name: "cancels are swallowed", row: "cancelling ends the context of the handler",
			broken: broken{invokes: detaches},
		},
		{
			name: "deadlines are kept back", row: "the handler sees the time that remains",
			broken: broken{invokes: detaches},
		},
		{
			name: "values of metadata change order", row: "metadata of the caller arrives, several values in order",
			broken: broken{invokes: changesMetadata(func(values []string) { slices.Reverse(values) })},
		},
		{
			name: "binary metadata must be text", row: "binary metadata carries every byte, empty values and several",
			broken: broken{invokes: changesMetadata(func(values []string) {
				for i := range values {
					values[i] = strings.ToValidUTF8(values[i], "?")
				}
			})},
		},
		{
			name: "a panic has the wrong code", marked: true,
			row:    "a panic in a handler is Internal, logged with its stack, and harms no other call",
			broken: broken{listens: recovers(codes.Unknown), conns: marks(link.Answered)},
			intact: broken{listens: recovers(codes.Internal), conns: marks(link.Answered)},
		},
		{
			name: "outcomes are not marked", marked: true, row: "an error of a handler was answered",
			broken: broken{}, intact: broken{conns: marks(link.Answered)},
		},
		{
			name: "outcomes are overstated", marked: true,
			row:    "without WaitForReady a call that nobody answers is Unavailable",
			broken: broken{conns: marks(link.Answered)}, intact: broken{conns: marks(link.NeverSent)},
		},
	})
}

func optionTeeth() []tooth {
	drops := func(name, row string, without func([]grpc.CallOption) []grpc.CallOption) tooth {
		return tooth{name: name, row: row, broken: broken{options: without}}
	}
	return []tooth{
		drops("trailers are dropped", "Header and Trailer are filled when the call fails",
			without[grpc.TrailerCallOption]),
		drops("headers are dropped", "Header and Trailer are filled when the call succeeds",
			without[grpc.HeaderCallOption]),
		drops("peers are not told", "the caller is told its peer when the call fails", without[grpc.PeerCallOption]),
		drops("limits are ignored", "MaxCallRecvMsgSize takes a reply of its size and refuses a longer one",
			without[grpc.MaxRecvMsgSizeCallOption]),
		drops("OnFinish is not run", "OnFinish runs once with the outcome of the call",
			without[grpc.OnFinishCallOption]),
		drops("WaitForReady is ignored", "with WaitForReady a call waits for a server that comes later",
			without[grpc.FailFastCallOption]),
		drops("credentials are not sent", "credentials of a call arrive as metadata",
			without[grpc.PerRPCCredsCallOption]),
		drops("demanding credentials are waved through",
			"credentials that demand a secure transport are refused on a plain one",
			without[grpc.PerRPCCredsCallOption]),
		drops("codecs are ignored", "a forced codec encodes the request and decodes the reply",
			without[grpc.ForceCodecCallOption]),
		drops("an unknown option panics", "options that nobody knows are ignored", panicsAtStrangers),
	}
}

func panicsAtStrangers(opts []grpc.CallOption) []grpc.CallOption {
	for _, o := range opts {
		if _, is := o.(strangeOption); is {
			return opts[:len(opts)+1000]
		}
	}
	return opts
}

func dropsDetails(ctx context.Context, next invoke, request, reply any) error {
	st := status.Convert(next(ctx, request, reply))
	return status.Error(st.Code(), st.Message())
}

func trimsStatus(ctx context.Context, next invoke, request, reply any) error {
	st := status.Convert(next(ctx, request, reply))
	return status.Error(st.Code(), strings.Join(strings.Fields(st.Message()), " "))
}

func mergesReply(ctx context.Context, next invoke, request, reply any) error {
	fresh := new(message)
	err := next(ctx, request, fresh)
	proto.Merge(reply.(proto.Message), fresh)
	return err
}

func dropsUnknown(ctx context.Context, next invoke, request, reply any) error {
	known := proto.Clone(request.(proto.Message))
	raw, err := proto.Marshal(known)
	if err == nil {
		err = proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(raw, known)
	}
	if err != nil {
		return err
	}
	return next(ctx, known, reply)
}

// detaches lets the caller go at its deadline, and the handler run on.
func detaches(ctx context.Context, next invoke, request, reply any) error {
	fresh, done := new(message), make(chan error, 1)
	go func() { done <- next(context.WithoutCancel(ctx), request, fresh) }()
	select {
	case err := <-done:
		proto.Merge(reply.(proto.Message), fresh)
		return err
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func changesMetadata(change func([]string)) func(context.Context, invoke, any, any) error {
	return func(ctx context.Context, next invoke, request, reply any) error {
		md, _ := metadata.FromOutgoingContext(ctx)
		for _, values := range md {
			change(values)
		}
		return next(metadata.NewOutgoingContext(ctx, md), request, reply)
	}
}

func recovers(code codes.Code) func(*link.ListenOptions) {
	return func(o *link.ListenOptions) {
		logger := o.Logger
		o.Unary = append(o.Unary, func(
			ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
		) (reply any, err error) {
			defer func() {
				if p := recover(); p != nil {
					logger.Error("panic", "panic", p, "stack", string(debug.Stack()))
					err = status.Error(code, "panic in a handler")
				}
			}()
			return handler(ctx, req)
		})
	}
}
