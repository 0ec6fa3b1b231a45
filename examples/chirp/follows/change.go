package follows

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	"github.com/kerf-go/kerf/examples/chirp/rpcerr"
)

// Follow makes one account follow another, once however often it is asked.
func (f *Follows) Follow(ctx context.Context, req *followsv1.FollowRequest) (*emptypb.Empty, error) {
	if err := checkIDs(req.GetFollowerId(), req.GetFolloweeId()); err != nil {
		return nil, err
	}
	if req.GetFollowerId() == req.GetFolloweeId() {
		return nil, status.Error(codes.InvalidArgument, "nobody can follow themselves")
	}
	err := f.store.add(ctx, req.GetFollowerId(), req.GetFolloweeId(), f.maxFollowing)
	if errors.Is(err, errTooMany) {
		return nil, status.Errorf(codes.FailedPrecondition,
			"nobody can follow more than %d accounts: unfollow another first", f.maxFollowing)
	}
	if err != nil {
		return nil, rpcerr.From(ctx, f.log, "store follow", err)
	}
	return &emptypb.Empty{}, nil
}

// Unfollow undoes Follow.
func (f *Follows) Unfollow(ctx context.Context, req *followsv1.UnfollowRequest) (*emptypb.Empty, error) {
	if err := checkIDs(req.GetFollowerId(), req.GetFolloweeId()); err != nil {
		return nil, err
	}
	if err := f.store.remove(ctx, req.GetFollowerId(), req.GetFolloweeId()); err != nil {
		return nil, rpcerr.From(ctx, f.log, "remove follow", err)
	}
	return &emptypb.Empty{}, nil
}

func checkIDs(ids ...int64) error {
	for _, id := range ids {
		if id <= 0 {
			return status.Errorf(codes.InvalidArgument, "%d is no account's id: ids begin at 1", id)
		}
	}
	return nil
}
