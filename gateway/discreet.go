package gateway

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// discreet is a conn whose errors tell clients nothing of where services are: that one cannot be
// reached is told in words of the gateway's, and the log of the call has the rest. What a service
// itself says passes as it is.
type discreet struct{ grpc.ClientConnInterface }

func (d discreet) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return discreetly(d.ClientConnInterface.Invoke(ctx, method, args, reply, opts...))
}

func (d discreet) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	s, err := d.ClientConnInterface.NewStream(ctx, desc, method, opts...)
	if err != nil {
		return nil, discreetly(err)
	}
	return discreetStream{s}, nil
}

type discreetStream struct{ grpc.ClientStream }

func (s discreetStream) RecvMsg(m any) error { return discreetly(s.ClientStream.RecvMsg(m)) }

func discreetly(err error) error {
	ran := link.Ran(err)
	if err == nil || errors.Is(err, io.EOF) || ran == link.Answered || status.Code(err) != codes.Unavailable {
		return err
	}
	told := status.Convert(err).Proto()
	told.Message = "the service cannot be reached"
	return link.Mark(status.FromProto(told), ran)
}
