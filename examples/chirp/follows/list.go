package follows

import (
	"context"

	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	"github.com/kerf-go/kerf/examples/chirp/paging"
	"github.com/kerf-go/kerf/examples/chirp/rpcerr"
)

const usualPage = 50

// The kinds of lists in cursors.
const (
	kindFollowers = 'r'
	kindFollowing = 'g'
)

// ListFollowers pages through those who follow one account.
func (f *Follows) ListFollowers(
	ctx context.Context, req *followsv1.ListFollowersRequest,
) (*followsv1.ListFollowersResponse, error) {
	ids, next, err := f.list(ctx, kindFollowers, req, f.store.followers)
	if err != nil {
		return nil, err
	}
	return &followsv1.ListFollowersResponse{AccountIds: ids, NextCursor: next}, nil
}

// ListFollowing pages through those whom one account follows.
func (f *Follows) ListFollowing(
	ctx context.Context, req *followsv1.ListFollowingRequest,
) (*followsv1.ListFollowingResponse, error) {
	ids, next, err := f.list(ctx, kindFollowing, req, f.store.following)
	if err != nil {
		return nil, err
	}
	return &followsv1.ListFollowingResponse{AccountIds: ids, NextCursor: next}, nil
}

type pageRequest interface {
	GetAccountId() int64
	GetPageSize() int32
	GetCursor() string
}

func (f *Follows) list(
	ctx context.Context, kind byte, req pageRequest,
	read func(ctx context.Context, account, before int64, limit int) ([]entry, error),
) (ids []int64, next string, err error) {
	account := req.GetAccountId()
	if err := checkIDs(account); err != nil {
		return nil, "", err
	}
	size, err := paging.Size(req.GetPageSize(), usualPage)
	if err != nil {
		return nil, "", err
	}
	list := paging.List{Kind: kind, Key: uint64(account)}
	before, err := list.Before(req.GetCursor())
	if err != nil {
		return nil, "", err
	}
	entries, err := read(ctx, account, before, size+1)
	if err != nil {
		return nil, "", rpcerr.From(ctx, f.log, "list follows", err)
	}
	entries, next = paging.Cut(list, entries, size, func(e entry) int64 { return e.seq })
	for _, e := range entries {
		ids = append(ids, e.account)
	}
	return ids, next, nil
}

// AllFollowing gives everyone whom one account follows, newest first.
func (f *Follows) AllFollowing(
	ctx context.Context, req *followsv1.AllFollowingRequest,
) (*followsv1.AllFollowingResponse, error) {
	if err := checkIDs(req.GetAccountId()); err != nil {
		return nil, err
	}
	ids, err := f.store.allFollowing(ctx, req.GetAccountId())
	if err != nil {
		return nil, rpcerr.From(ctx, f.log, "list everyone followed", err)
	}
	return &followsv1.AllFollowingResponse{AccountIds: ids}, nil
}
