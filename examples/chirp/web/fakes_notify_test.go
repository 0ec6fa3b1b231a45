package web_test

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
)

type notify struct{ *fakes }

func (f notify) Deliver(context.Context, *notifyv1.DeliverRequest, ...grpc.CallOption) (*emptypb.Empty, error) {
	return nil, status.Error(codes.Unimplemented, "not here")
}

func (f notify) Subscribe(
	ctx context.Context, in *notifyv1.SubscribeRequest, _ ...grpc.CallOption,
) (grpc.ServerStreamingClient[notifyv1.SubscribeResponse], error) {
	err := f.called("notify.Subscribe")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s := &subscription{ctx: ctx, fakes: f.fakes, events: make(chan *notifyv1.SubscribeResponse, 64)}
	f.streams[s] = in.GetAccountId()
	return s, nil
}

// subscription is one stream of notify. It hears the end of its context only while
// it receives, as a gRPC stream does.
type subscription struct {
	grpc.ClientStream

	ctx    context.Context
	fakes  *fakes
	events chan *notifyv1.SubscribeResponse // closed by cut
}

func (s *subscription) Header() (metadata.MD, error) { return metadata.MD{}, nil }

func (s *subscription) Recv() (*notifyv1.SubscribeResponse, error) {
	select {
	case event, open := <-s.events:
		if !open {
			return nil, io.EOF
		}
		return event, nil
	case <-s.ctx.Done():
		s.fakes.mu.Lock()
		defer s.fakes.mu.Unlock()
		delete(s.fakes.streams, s)
		return nil, status.FromContextError(s.ctx.Err()).Err()
	}
}

// cut ends all streams, as a restart of notify does.
func (f *fakes) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.streams {
		close(s.events)
		delete(f.streams, s)
	}
}
