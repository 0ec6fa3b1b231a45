package run

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// nowhere is the way to a service that the plan has left out. It has no telemetry:
// that nobody is there is no failure.
type nowhere string

var _ grpc.ClientConnInterface = nowhere("")

func (n nowhere) err() error {
	return link.Mark(status.Newf(codes.Unavailable, "the plan has no service %s", string(n)), link.NeverSent)
}

func (n nowhere) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return n.err() }

func (n nowhere) NewStream(
	context.Context, *grpc.StreamDesc, string, ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return nil, n.err()
}
