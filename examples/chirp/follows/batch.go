package follows

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	"github.com/kerf-go/kerf/examples/chirp/rpcerr"
)

// How many ids one call may carry.
const (
	maxCounted    = 500
	maxCandidates = 10_000
)

// CountFollows counts for many accounts at once.
func (f *Follows) CountFollows(
	ctx context.Context, req *followsv1.CountFollowsRequest,
) (*followsv1.CountFollowsResponse, error) {
	if err := checkBatch(req.GetAccountIds(), maxCounted); err != nil {
		return nil, err
	}
	counts, err := f.store.counts(ctx, req.GetAccountIds())
	if err != nil {
		return nil, rpcerr.From(ctx, f.log, "count follows", err)
	}
	return &followsv1.CountFollowsResponse{Counts: counts}, nil
}

// FilterFollowers keeps those of the candidates who follow one account, in the
// order given.
func (f *Follows) FilterFollowers(
	ctx context.Context, req *followsv1.FilterFollowersRequest,
) (*followsv1.FilterFollowersResponse, error) {
	ids, err := f.filter(ctx, req, f.store.filterFollowers)
	if err != nil {
		return nil, err
	}
	return &followsv1.FilterFollowersResponse{AccountIds: ids}, nil
}

// FilterFollowing keeps those of the candidates whom one account follows, in the
// order given.
func (f *Follows) FilterFollowing(
	ctx context.Context, req *followsv1.FilterFollowingRequest,
) (*followsv1.FilterFollowingResponse, error) {
	ids, err := f.filter(ctx, req, f.store.filterFollowing)
	if err != nil {
		return nil, err
	}
	return &followsv1.FilterFollowingResponse{AccountIds: ids}, nil
}

type filterRequest interface {
	GetAccountId() int64
	GetCandidateIds() []int64
}

func (f *Follows) filter(
	ctx context.Context, req filterRequest,
	read func(ctx context.Context, account int64, candidates []int64) ([]int64, error),
) ([]int64, error) {
	if err := checkIDs(req.GetAccountId()); err != nil {
		return nil, err
	}
	if err := checkBatch(req.GetCandidateIds(), maxCandidates); err != nil {
		return nil, err
	}
	ids, err := read(ctx, req.GetAccountId(), req.GetCandidateIds())
	if err != nil {
		return nil, rpcerr.From(ctx, f.log, "filter follows", err)
	}
	return ids, nil
}

func checkBatch(ids []int64, most int) error {
	if len(ids) > most {
		return status.Errorf(codes.InvalidArgument, "%d ids: ask for at most %d at once", len(ids), most)
	}
	return checkIDs(ids...)
}
