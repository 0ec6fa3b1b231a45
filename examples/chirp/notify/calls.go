package notify

import (
	"context"
	"log/slog"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
)

// Deliver tells the author and every connected follower. If follows cannot say
// who they are, nobody is told and the answer is Unavailable.
func (n *Notify) Deliver(ctx context.Context, req *notifyv1.DeliverRequest) (*emptypb.Empty, error) {
	if req.GetPostId() <= 0 || req.GetAuthorId() <= 0 {
		return nil, status.Error(codes.InvalidArgument, "post id and author id are needed: ids begin at 1")
	}
	readers, err := n.readers(ctx, req.GetAuthorId())
	if err != nil {
		n.log.WarnContext(ctx, "could not ask follows; nobody is told of a post",
			slog.Int64("post", req.GetPostId()), slog.Any("error", err))
		if ctx.Err() != nil {
			return nil, status.FromContextError(ctx.Err()).Err()
		}
		return nil, status.Error(codes.Unavailable, "nobody was told: who follows the author could not be found out")
	}
	n.hub.publish(readers, &notifyv1.SubscribeResponse{PostId: req.GetPostId(), AuthorId: req.GetAuthorId()})
	return &emptypb.Empty{}, nil
}

// readers are the connected accounts that a post is for, found with one call at most.
func (n *Notify) readers(ctx context.Context, author int64) ([]int64, error) {
	connected := n.hub.accounts()
	others := slices.DeleteFunc(connected, func(id int64) bool { return id == author })
	if len(others) == 0 {
		return []int64{author}, nil
	}
	answer, err := n.follows.FilterFollowers(ctx,
		&followsv1.FilterFollowersRequest{AccountId: author, CandidateIds: others})
	if err != nil {
		return nil, err
	}
	return append([]int64{author}, answer.GetAccountIds()...), nil
}

// Subscribe streams posts until the caller goes or the hub lets go of it.
func (n *Notify) Subscribe(
	req *notifyv1.SubscribeRequest, stream grpc.ServerStreamingServer[notifyv1.SubscribeResponse],
) error {
	if req.GetAccountId() <= 0 {
		return status.Error(codes.InvalidArgument, "the account id is missing: ids begin at 1")
	}
	s, err := n.hub.add(req.GetAccountId())
	if err != nil {
		return err
	}
	defer n.hub.remove(s)
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	for {
		select {
		case post := <-s.posts:
			if err := stream.Send(post); err != nil {
				return err
			}
		case <-s.ended:
			return s.err
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		}
	}
}
