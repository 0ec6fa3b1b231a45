package messages

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	"github.com/kerf-go/kerf/examples/chirp/paging"
	"github.com/kerf-go/kerf/examples/chirp/rpcerr"
)

const usualPage = 20

// The kinds of lists in cursors.
const (
	kindAuthor = 'a'
	kindHome   = 'h'
	kindPublic = 'p'
	kindSearch = 's'
)

// GetPost reads one post.
func (m *Messages) GetPost(
	ctx context.Context, req *messagesv1.GetPostRequest,
) (*messagesv1.GetPostResponse, error) {
	post, err := m.store.byID(ctx, req.GetId())
	if errors.Is(err, sql.ErrNoRows) {
		return nil, status.Error(codes.NotFound, "there is no such post")
	}
	if err != nil {
		return nil, rpcerr.From(ctx, m.log, "read post", err)
	}
	return &messagesv1.GetPostResponse{Post: post}, nil
}

// ListByAuthor is one author's posts.
func (m *Messages) ListByAuthor(
	ctx context.Context, req *messagesv1.ListByAuthorRequest,
) (*messagesv1.ListByAuthorResponse, error) {
	author := req.GetAuthorId()
	page, err := newPage(kindAuthor, author, req)
	if err != nil {
		return nil, err
	}
	posts, next, err := m.read(ctx, page, func() ([]*messagesv1.Post, error) {
		return m.store.byAuthors(ctx, []int64{author}, page.before, page.size+1)
	})
	if err != nil {
		return nil, err
	}
	return &messagesv1.ListByAuthorResponse{Posts: posts, NextCursor: next}, nil
}

// ListHome is the posts of an account and of everyone it follows.
func (m *Messages) ListHome(
	ctx context.Context, req *messagesv1.ListHomeRequest,
) (*messagesv1.ListHomeResponse, error) {
	page, err := newPage(kindHome, req.GetAccountId(), req)
	if err != nil {
		return nil, err
	}
	authors, onlyOwn := m.homeAuthors(ctx, req.GetAccountId())
	posts, next, err := m.read(ctx, page, func() ([]*messagesv1.Post, error) {
		return m.store.byAuthors(ctx, authors, page.before, page.size+1)
	})
	if err != nil {
		return nil, err
	}
	return &messagesv1.ListHomeResponse{Posts: posts, NextCursor: next, OnlyOwn: onlyOwn}, nil
}

// homeAuthors asks follows once; if that fails, an account's home is its own posts.
func (m *Messages) homeAuthors(ctx context.Context, account int64) (authors []int64, onlyOwn bool) {
	short, cancel := context.WithTimeout(ctx, brief(ctx))
	defer cancel()
	answer, err := m.follows.AllFollowing(short, &followsv1.AllFollowingRequest{AccountId: account})
	if err != nil {
		m.log.WarnContext(ctx, "could not ask follows; showing only the account's own posts",
			slog.Int64("account", account), slog.Any("error", err))
		return []int64{account}, true
	}
	return append([]int64{account}, answer.GetAccountIds()...), false
}

// ListPublic is everybody's posts.
func (m *Messages) ListPublic(
	ctx context.Context, req *messagesv1.ListPublicRequest,
) (*messagesv1.ListPublicResponse, error) {
	page, err := newPage(kindPublic, everybody, req)
	if err != nil {
		return nil, err
	}
	posts, next, err := m.read(ctx, page, func() ([]*messagesv1.Post, error) {
		return m.store.newest(ctx, page.before, page.size+1)
	})
	if err != nil {
		return nil, err
	}
	return &messagesv1.ListPublicResponse{Posts: posts, NextCursor: next}, nil
}

// everybody is the account id in the cursors of the one list that has none.
const everybody = 1

type page struct {
	list   paging.List
	before int64
	size   int
}

type pageRequest interface {
	GetPageSize() int32
	GetCursor() string
}

// newPage checks what is asked of an account's list.
func newPage(kind byte, account int64, req pageRequest) (page, error) {
	if account <= 0 {
		return page{}, status.Errorf(codes.InvalidArgument, "%d is no account's id: ids begin at 1", account)
	}
	return pageOf(paging.List{Kind: kind, Key: uint64(account)}, req)
}

func pageOf(list paging.List, req pageRequest) (p page, err error) {
	p.list = list
	if p.size, err = paging.Size(req.GetPageSize(), usualPage); err != nil {
		return p, err
	}
	p.before, err = list.Before(req.GetCursor())
	return p, err
}

func (m *Messages) read(
	ctx context.Context, p page, posts func() ([]*messagesv1.Post, error),
) ([]*messagesv1.Post, string, error) {
	all, err := posts()
	if err != nil {
		return nil, "", rpcerr.From(ctx, m.log, "list posts", err)
	}
	all, next := paging.Cut(p.list, all, p.size, (*messagesv1.Post).GetId)
	return all, next, nil
}
