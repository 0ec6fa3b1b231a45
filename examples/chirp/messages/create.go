package messages

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/examples/chirp/chirptext"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
	"github.com/kerf-go/kerf/examples/chirp/rpcerr"
	trendsv1 "github.com/kerf-go/kerf/examples/chirp/trends/v1"
)

var legalClientID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// CreatePost stores a post and tells notify. Whether notify could be told or not,
// the post is kept. A client id that the author has used for another text is
// AlreadyExists: a repeat may not change what was said.
func (m *Messages) CreatePost(
	ctx context.Context, req *messagesv1.CreatePostRequest,
) (*messagesv1.CreatePostResponse, error) {
	text, err := checkPost(req)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	post, isNew, err := m.store.add(ctx, req.GetAuthorId(), req.GetClientId(), text, time.Now())
	if err != nil {
		return nil, rpcerr.From(ctx, m.log, "store post", err)
	}
	if !isNew && post.GetText() != text {
		return nil, status.Error(codes.AlreadyExists, "this client id belongs to another post: choose a new one")
	}
	if isNew {
		m.deliver(ctx, post)
		m.count(ctx, post)
	}
	return &messagesv1.CreatePostResponse{Post: post}, nil
}

func checkPost(req *messagesv1.CreatePostRequest) (text string, err error) {
	if req.GetAuthorId() <= 0 {
		return "", errors.New("the author id is missing: ids begin at 1")
	}
	if !legalClientID.MatchString(req.GetClientId()) {
		return "", errors.New("the client id must be 1 to 64 letters, digits, - and _")
	}
	return chirptext.Check(chirptext.Post, req.GetText())
}

// deliver goes on when the caller goes away: the post is stored, and its readers wait.
func (m *Messages) deliver(ctx context.Context, post *messagesv1.Post) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), brief(ctx))
	defer cancel()
	_, err := m.notify.Deliver(ctx, &notifyv1.DeliverRequest{PostId: post.GetId(), AuthorId: post.GetAuthorId()})
	if err != nil {
		m.log.WarnContext(ctx, "could not tell readers of a new post; they see it when they next look",
			slog.Int64("post", post.GetId()), slog.Any("error", err))
	}
}

// count tells trends of hashtags. That there is no trends, or not now, is no matter.
func (m *Messages) count(ctx context.Context, post *messagesv1.Post) {
	if m.trends == nil || !strings.Contains(post.GetText(), "#") {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), brief(ctx))
	defer cancel()
	_, err := m.trends.Count(ctx, &trendsv1.CountRequest{PostId: post.GetId(), Text: post.GetText()})
	if err != nil && status.Code(err) != codes.Unavailable {
		m.log.WarnContext(ctx, "could not count the hashtags of a new post",
			slog.Int64("post", post.GetId()), slog.Any("error", err))
	}
}
