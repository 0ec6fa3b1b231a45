package messages_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"

	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	"github.com/kerf-go/kerf/examples/chirp/internal/chirptest"
	"github.com/kerf-go/kerf/examples/chirp/messages"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeFollows answers AllFollowing; every other call would crash the test.
type fakeFollows struct {
	followsv1.FollowsClient

	following map[int64][]int64
	err       error
	hang      bool // until the call's context ends
	calls     atomic.Int32
}

func (f *fakeFollows) AllFollowing(
	ctx context.Context, req *followsv1.AllFollowingRequest, _ ...grpc.CallOption,
) (*followsv1.AllFollowingResponse, error) {
	f.calls.Add(1)
	if f.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &followsv1.AllFollowingResponse{AccountIds: f.following[req.GetAccountId()]}, f.err
}

// fakeNotify counts what it is told.
type fakeNotify struct {
	notifyv1.NotifyClient

	err   error
	hang  bool
	calls atomic.Int32
	last  atomic.Pointer[notifyv1.DeliverRequest]
}

func (f *fakeNotify) Deliver(
	ctx context.Context, req *notifyv1.DeliverRequest, _ ...grpc.CallOption,
) (*emptypb.Empty, error) {
	f.calls.Add(1)
	f.last.Store(req)
	if f.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &emptypb.Empty{}, f.err
}

type bundle struct {
	*messages.Messages

	follows *fakeFollows
	notify  *fakeNotify
}

func setup(tb testing.TB) bundle {
	tb.Helper()
	return open(tb, tb.TempDir())
}

func open(tb testing.TB, dir string) bundle {
	tb.Helper()
	b := bundle{follows: &fakeFollows{}, notify: &fakeNotify{}}
	b.Messages = messages.New(chirptest.Store(tb, dir, messages.Migrations()), b.follows, b.notify,
		messages.Options{Logger: slog.New(slog.DiscardHandler)})
	return b
}

func (b bundle) post(tb testing.TB, author int64, clientID, text string) *messagesv1.Post {
	tb.Helper()
	answer, err := b.CreatePost(tb.Context(),
		&messagesv1.CreatePostRequest{AuthorId: author, ClientId: clientID, Text: text})
	chirptest.WantCode(tb, err, codes.OK)
	return answer.GetPost()
}

func texts(posts []*messagesv1.Post) []string {
	all := make([]string, 0, len(posts))
	for _, p := range posts {
		all = append(all, p.GetText())
	}
	return all
}

var errBroken = errors.New("broken")

func TestServiceStartsAlone(t *testing.T) {
	t.Parallel()
	cc := chirptest.Serve(t, func(r grpc.ServiceRegistrar) {
		followsv1.RegisterFollowsServer(r, followsv1.UnimplementedFollowsServer{})
		notifyv1.RegisterNotifyServer(r, notifyv1.UnimplementedNotifyServer{})
	})
	e := &chirptest.Engine{Conns: map[string]grpc.ClientConnInterface{"follows": cc, "notify": cc, "trends": cc}}
	served, err := e.Start(t, messages.Service())
	if err != nil {
		t.Fatal(err)
	}
	client := messagesv1.NewMessagesClient(served)
	_, err = client.CreatePost(t.Context(), &messagesv1.CreatePostRequest{AuthorId: 1, ClientId: "a", Text: "hi"})
	chirptest.WantCode(t, err, codes.OK)
	_, err = client.CreatePost(t.Context(), &messagesv1.CreatePostRequest{AuthorId: 1, ClientId: "b", Text: "#hi"})
	chirptest.WantCode(t, err, codes.OK)
	home, err := client.ListHome(t.Context(), &messagesv1.ListHomeRequest{AccountId: 1})
	chirptest.WantCode(t, err, codes.OK)
	if !home.GetOnlyOwn() || len(home.GetPosts()) != 2 {
		t.Errorf("without follows and notify: got %v", home)
	}
}
