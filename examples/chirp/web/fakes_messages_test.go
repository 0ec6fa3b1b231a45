package web_test

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/examples/chirp/chirptext"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

type messages struct{ *fakes }

func (f messages) CreatePost(
	_ context.Context, in *messagesv1.CreatePostRequest, _ ...grpc.CallOption,
) (*messagesv1.CreatePostResponse, error) {
	err := f.called("messages.CreatePost")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	text, err := chirptext.Check(chirptext.Post, in.GetText())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if f.sent[in.GetClientId()] == nil {
		f.sent[in.GetClientId()] = f.addPost(in.GetAuthorId(), text, false)
	}
	return &messagesv1.CreatePostResponse{Post: f.sent[in.GetClientId()]}, nil
}

func (f messages) GetPost(
	_ context.Context, in *messagesv1.GetPostRequest, _ ...grpc.CallOption,
) (*messagesv1.GetPostResponse, error) {
	err := f.called("messages.GetPost")
	defer f.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case in.GetId() > int64(len(f.posts)):
		return nil, status.Error(codes.NotFound, "there is no such post")
	}
	return &messagesv1.GetPostResponse{Post: f.posts[in.GetId()-1]}, nil
}

// list gives a page of the posts that fit, newest first.
func (f *fakes) list(
	size int32, cursor string, fits func(*messagesv1.Post) bool,
) ([]*messagesv1.Post, string, error) {
	before := len(f.posts) + 1
	if cursor != "" {
		var err error
		if before, err = strconv.Atoi(cursor); err != nil {
			return nil, "", status.Error(codes.InvalidArgument, "this page link is not valid")
		}
	}
	if size == 0 {
		size = int32(f.pageSize)
	}
	var page []*messagesv1.Post
	for _, post := range slices.Backward(f.posts) {
		if int(post.GetId()) >= before || !fits(post) {
			continue
		}
		if len(page) == int(size) {
			return page, strconv.FormatInt(page[size-1].GetId(), 10), nil
		}
		page = append(page, post)
	}
	return page, "", nil
}

func (f messages) ListByAuthor(
	_ context.Context, in *messagesv1.ListByAuthorRequest, _ ...grpc.CallOption,
) (*messagesv1.ListByAuthorResponse, error) {
	err := f.called("messages.ListByAuthor")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	posts, next, err := f.list(in.GetPageSize(), in.GetCursor(), func(p *messagesv1.Post) bool {
		return p.GetAuthorId() == in.GetAuthorId()
	})
	return &messagesv1.ListByAuthorResponse{Posts: posts, NextCursor: next}, err
}

func (f messages) ListHome(
	_ context.Context, in *messagesv1.ListHomeRequest, _ ...grpc.CallOption,
) (*messagesv1.ListHomeResponse, error) {
	err := f.called("messages.ListHome")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	me := in.GetAccountId()
	posts, next, err := f.list(in.GetPageSize(), in.GetCursor(), func(p *messagesv1.Post) bool {
		return p.GetAuthorId() == me || f.follows[[2]int64{me, p.GetAuthorId()}]
	})
	return &messagesv1.ListHomeResponse{Posts: posts, NextCursor: next, OnlyOwn: f.onlyOwn}, err
}

func (f messages) ListPublic(
	_ context.Context, in *messagesv1.ListPublicRequest, _ ...grpc.CallOption,
) (*messagesv1.ListPublicResponse, error) {
	err := f.called("messages.ListPublic")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	posts, next, err := f.list(in.GetPageSize(), in.GetCursor(), func(*messagesv1.Post) bool { return true })
	return &messagesv1.ListPublicResponse{Posts: posts, NextCursor: next}, err
}

func (f messages) Search(
	_ context.Context, in *messagesv1.SearchRequest, _ ...grpc.CallOption,
) (*messagesv1.SearchResponse, error) {
	err := f.called("messages.Search")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if strings.Trim(in.GetQuery(), "!?") == "" {
		return nil, status.Error(codes.InvalidArgument, "type a word to search for")
	}
	posts, next, err := f.list(in.GetPageSize(), in.GetCursor(), func(p *messagesv1.Post) bool {
		return strings.Contains(p.GetText(), in.GetQuery())
	})
	answer := &messagesv1.SearchResponse{NextCursor: next}
	for _, post := range posts {
		at := int32(strings.Index(post.GetText(), in.GetQuery()))
		answer.Hits = append(answer.Hits, &messagesv1.SearchHit{Post: post, Highlights: []*messagesv1.Span{
			{Start: at, End: at + int32(len(in.GetQuery()))}, {Start: -3, End: 9999}, // the second one is nonsense
		}})
	}
	return answer, err
}
