package web_test

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
)

type follows struct{ *fakes }

func (f follows) Follow(
	_ context.Context, in *followsv1.FollowRequest, _ ...grpc.CallOption,
) (*emptypb.Empty, error) {
	err := f.called("follows.Follow")
	defer f.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case in.GetFollowerId() == in.GetFolloweeId():
		return nil, status.Error(codes.InvalidArgument, "nobody can follow themselves")
	}
	f.follows[[2]int64{in.GetFollowerId(), in.GetFolloweeId()}] = true
	return &emptypb.Empty{}, nil
}

func (f follows) Unfollow(
	_ context.Context, in *followsv1.UnfollowRequest, _ ...grpc.CallOption,
) (*emptypb.Empty, error) {
	err := f.called("follows.Unfollow")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	delete(f.follows, [2]int64{in.GetFollowerId(), in.GetFolloweeId()})
	return &emptypb.Empty{}, nil
}

// sides lists who is at one end of a follow, where id is at the other.
func (f *fakes) sides(id int64, other int) []int64 {
	var ids []int64
	for pair := range f.follows {
		if pair[1-other] == id {
			ids = append(ids, pair[other])
		}
	}
	slices.Sort(ids)
	return ids
}

func (f follows) ListFollowers(
	_ context.Context, in *followsv1.ListFollowersRequest, _ ...grpc.CallOption,
) (*followsv1.ListFollowersResponse, error) {
	err := f.called("follows.ListFollowers")
	defer f.mu.Unlock()
	return &followsv1.ListFollowersResponse{AccountIds: f.sides(in.GetAccountId(), 0)}, err
}

func (f follows) ListFollowing(
	_ context.Context, in *followsv1.ListFollowingRequest, _ ...grpc.CallOption,
) (*followsv1.ListFollowingResponse, error) {
	err := f.called("follows.ListFollowing")
	defer f.mu.Unlock()
	return &followsv1.ListFollowingResponse{AccountIds: f.sides(in.GetAccountId(), 1)}, err
}

func (f follows) CountFollows(
	_ context.Context, in *followsv1.CountFollowsRequest, _ ...grpc.CallOption,
) (*followsv1.CountFollowsResponse, error) {
	err := f.called("follows.CountFollows")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	answer := &followsv1.CountFollowsResponse{}
	for _, id := range in.GetAccountIds() {
		answer.Counts = append(answer.Counts, &followsv1.Counts{
			AccountId: id, Followers: int64(len(f.sides(id, 0))), Following: int64(len(f.sides(id, 1))),
		})
	}
	return answer, nil
}

func (f follows) FilterFollowing(
	_ context.Context, in *followsv1.FilterFollowingRequest, _ ...grpc.CallOption,
) (*followsv1.FilterFollowingResponse, error) {
	err := f.called("follows.FilterFollowing")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	answer := &followsv1.FilterFollowingResponse{}
	for _, id := range in.GetCandidateIds() {
		if f.follows[[2]int64{in.GetAccountId(), id}] {
			answer.AccountIds = append(answer.AccountIds, id)
		}
	}
	return answer, nil
}

// The site has no use for these.

func (f follows) AllFollowing(
	context.Context, *followsv1.AllFollowingRequest, ...grpc.CallOption,
) (*followsv1.AllFollowingResponse, error) {
	return nil, status.Error(codes.Unimplemented, "not here")
}

func (f follows) FilterFollowers(
	context.Context, *followsv1.FilterFollowersRequest, ...grpc.CallOption,
) (*followsv1.FilterFollowersResponse, error) {
	return nil, status.Error(codes.Unimplemented, "not here")
}
