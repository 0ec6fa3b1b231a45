package notify_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	"github.com/kerf-go/kerf/examples/chirp/internal/chirptest"
	"github.com/kerf-go/kerf/examples/chirp/notify"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeFollows answers FilterFollowers from a table: the followers of each account.
type fakeFollows struct {
	followsv1.UnimplementedFollowsServer
	followers map[int64][]int64
	err       error
	calls     atomic.Int32
}

func (f *fakeFollows) FilterFollowers(
	_ context.Context, req *followsv1.FilterFollowersRequest,
) (*followsv1.FilterFollowersResponse, error) {
	f.calls.Add(1)
	sorted := slices.Clone(req.GetCandidateIds())
	slices.Sort(sorted)
	if len(slices.Compact(sorted)) != len(req.GetCandidateIds()) {
		return nil, errors.New("candidates repeat")
	}
	kept := slices.DeleteFunc(slices.Clone(req.GetCandidateIds()), func(id int64) bool {
		return !slices.Contains(f.followers[req.GetAccountId()], id)
	})
	return &followsv1.FilterFollowersResponse{AccountIds: kept}, f.err
}

type bundle struct {
	follows *fakeFollows
	notify  *notify.Notify
	client  notifyv1.NotifyClient
}

func setup(t *testing.T, o notify.Options) bundle {
	t.Helper()
	b := bundle{follows: &fakeFollows{followers: map[int64][]int64{1: {2, 3}}}}
	cc := chirptest.Serve(t, func(r grpc.ServiceRegistrar) { followsv1.RegisterFollowsServer(r, b.follows) })
	var err error
	if b.notify, err = notify.New(followsv1.NewFollowsClient(cc), o); err != nil {
		t.Fatal(err)
	}
	cc = chirptest.Serve(t, func(r grpc.ServiceRegistrar) { notifyv1.RegisterNotifyServer(r, b.notify) })
	b.client = notifyv1.NewNotifyClient(cc)
	return b
}

type subscription = grpc.ServerStreamingClient[notifyv1.SubscribeResponse]

// subscribe returns once the subscriber is heard: its headers have come.
func (b bundle) subscribe(ctx context.Context, t *testing.T, account int64) subscription {
	t.Helper()
	s, err := b.client.Subscribe(ctx, &notifyv1.SubscribeRequest{AccountId: account})
	chirptest.WantCode(t, err, codes.OK)
	if _, err := s.Header(); err != nil {
		t.Fatalf("no headers: %v", err)
	}
	return s
}

func (b bundle) deliver(t *testing.T, post, author int64) {
	t.Helper()
	_, err := b.client.Deliver(t.Context(), &notifyv1.DeliverRequest{PostId: post, AuthorId: author})
	chirptest.WantCode(t, err, codes.OK)
}

func wantPost(t *testing.T, s subscription, post int64) {
	t.Helper()
	got, err := s.Recv()
	if err != nil || got.GetPostId() != post {
		t.Fatalf("got %v, %v; want post %d", got, err, post)
	}
}

func TestFollowersAndTheAuthorAreTold(t *testing.T) {
	t.Parallel()
	b := setup(t, notify.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	author, page1, page2, other := b.subscribe(ctx, t, 1), b.subscribe(ctx, t, 2), b.subscribe(ctx, t, 2),
		b.subscribe(ctx, t, 4)
	b.deliver(t, 10, 1)
	b.deliver(t, 11, 1)
	for _, s := range []subscription{author, page1, page2} {
		wantPost(t, s, 10)
		wantPost(t, s, 11)
	}
	b.deliver(t, 12, 4) // the first that the stranger hears of
	wantPost(t, other, 12)
	if n := b.follows.calls.Load(); n != 3 {
		t.Errorf("follows was asked %d times for 3 posts", n)
	}
}

func TestNobodyConnectedMeansNobodyIsAsked(t *testing.T) {
	t.Parallel()
	b := setup(t, notify.Options{})
	b.deliver(t, 10, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	author := b.subscribe(ctx, t, 1)
	b.deliver(t, 11, 1)
	wantPost(t, author, 11)
	if n := b.follows.calls.Load(); n != 0 {
		t.Errorf("follows was asked %d times", n)
	}
}

func TestWithoutFollowsNobodyIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t, notify.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	author, follower := b.subscribe(ctx, t, 1), b.subscribe(ctx, t, 2)
	b.follows.err = errors.New("broken")
	_, err := b.client.Deliver(t.Context(), &notifyv1.DeliverRequest{PostId: 10, AuthorId: 1})
	chirptest.WantCode(t, err, codes.Unavailable)
	b.follows.err = nil
	b.deliver(t, 11, 1)
	wantPost(t, author, 11)
	wantPost(t, follower, 11)
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	b := setup(t, notify.Options{})
	for _, req := range []*notifyv1.DeliverRequest{{}, {PostId: 1}, {AuthorId: 1}, {PostId: -1, AuthorId: 1}} {
		_, err := b.client.Deliver(t.Context(), req)
		chirptest.WantCode(t, err, codes.InvalidArgument)
	}
	s, err := b.client.Subscribe(t.Context(), &notifyv1.SubscribeRequest{})
	chirptest.WantCode(t, err, codes.OK)
	_, err = s.Recv()
	chirptest.WantCode(t, err, codes.InvalidArgument)
}

func TestTooManySubscribersAreRefusedUntilOneGoes(t *testing.T) {
	t.Parallel()
	b := setup(t, notify.Options{MaxSubscribers: 3, MaxPerAccount: 2})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first, leave := context.WithCancel(ctx)
	gone := b.subscribe(first, t, 2)
	b.subscribe(ctx, t, 2)
	refused := func(account int64) {
		t.Helper()
		s, err := b.client.Subscribe(ctx, &notifyv1.SubscribeRequest{AccountId: account})
		chirptest.WantCode(t, err, codes.OK)
		_, err = s.Recv()
		chirptest.WantCode(t, err, codes.ResourceExhausted)
	}
	refused(2) // more than 2 of one account
	b.subscribe(ctx, t, 3)
	refused(4) // more than 3 in all
	leave()
	_, err := gone.Recv()
	chirptest.WantCode(t, err, codes.Canceled)
	chirptest.Eventually(t, "the place of who has gone is free", func() bool {
		s, err := b.client.Subscribe(ctx, &notifyv1.SubscribeRequest{AccountId: 4})
		chirptest.WantCode(t, err, codes.OK)
		header, err := s.Header()
		return err == nil && header != nil
	})
}

// slowStream is a reader whose network stands still until release is closed.
type slowStream struct {
	grpc.ServerStreamingServer[notifyv1.SubscribeResponse]
	ctx       context.Context
	listening chan struct{}
	stuck     chan struct{} // gets one when the first post is being sent
	release   chan struct{}
	sent      int
}

func newSlowStream(ctx context.Context) *slowStream {
	return &slowStream{
		ctx: ctx, listening: make(chan struct{}), stuck: make(chan struct{}, 1), release: make(chan struct{}),
	}
}

func (s *slowStream) Context() context.Context { return s.ctx }

func (s *slowStream) SendHeader(metadata.MD) error {
	close(s.listening)
	return nil
}

func (s *slowStream) Send(*notifyv1.SubscribeResponse) error {
	if s.sent == 0 {
		s.stuck <- struct{}{}
	}
	s.sent++
	<-s.release
	return nil
}

func TestSlowReaderIsDroppedAndDelaysNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, notify.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	slow := newSlowStream(ctx)
	ended := make(chan error, 1)
	go func() { ended <- b.notify.Subscribe(&notifyv1.SubscribeRequest{AccountId: 2}, slow) }()
	<-slow.listening
	quick := b.subscribe(ctx, t, 3)
	b.deliver(t, 1, 1)
	wantPost(t, quick, 1)
	<-slow.stuck
	for post := int64(2); post <= 66; post++ { // one is being sent, 64 wait, one is too many
		b.deliver(t, post, 1)
		wantPost(t, quick, post)
	}
	close(slow.release)
	chirptest.WantCode(t, <-ended, codes.ResourceExhausted)
	if slow.sent > 65 {
		t.Errorf("the slow reader was sent %d posts; its buffer holds 64", slow.sent)
	}
	again := b.subscribe(ctx, t, 2)
	b.deliver(t, 100, 1)
	wantPost(t, again, 100)
}

func TestFullBufferAloneEndsNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, notify.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	slow := newSlowStream(ctx)
	ended := make(chan error, 1)
	go func() { ended <- b.notify.Subscribe(&notifyv1.SubscribeRequest{AccountId: 2}, slow) }()
	<-slow.listening
	b.deliver(t, 1, 1)
	<-slow.stuck
	for post := int64(2); post <= 65; post++ {
		b.deliver(t, post, 1)
	}
	cancel()
	close(slow.release)
	chirptest.WantCode(t, <-ended, codes.Canceled)
}

func TestStopEndsSubscriptionsAndTakesNoMore(t *testing.T) {
	t.Parallel()
	b := setup(t, notify.Options{})
	s := b.subscribe(t.Context(), t, 2)
	b.notify.Stop()
	b.notify.Stop()
	_, err := s.Recv()
	chirptest.WantCode(t, err, codes.Unavailable)
	s, err = b.client.Subscribe(t.Context(), &notifyv1.SubscribeRequest{AccountId: 2})
	chirptest.WantCode(t, err, codes.OK)
	_, err = s.Recv()
	chirptest.WantCode(t, err, codes.Unavailable)
	b.deliver(t, 10, 1)
}

func TestServiceEndsSubscriptionsAtTheDrain(t *testing.T) {
	t.Parallel()
	fake := &fakeFollows{followers: map[int64][]int64{1: {2}}}
	cc := chirptest.Serve(t, func(r grpc.ServiceRegistrar) { followsv1.RegisterFollowsServer(r, fake) })
	e := &chirptest.Engine{Conns: map[string]grpc.ClientConnInterface{"follows": cc}, Plan: "max_subscribers: 5"}
	served, err := e.Start(t, notify.Service())
	if err != nil {
		t.Fatal(err)
	}
	b := bundle{client: notifyv1.NewNotifyClient(served)}
	s := b.subscribe(t.Context(), t, 2)
	b.deliver(t, 10, 1)
	wantPost(t, s, 10)
	e.Stop()
	_, err = s.Recv()
	chirptest.WantCode(t, err, codes.Unavailable)
}

func TestServiceRefusesWrongConfig(t *testing.T) {
	t.Parallel()
	cc := chirptest.Serve(t, func(r grpc.ServiceRegistrar) { followsv1.RegisterFollowsServer(r, &fakeFollows{}) })
	for plan, want := range map[string]string{
		"max_subscribers: 10001": "max_subscribers is 10001",
		"max_subscribers: -1":    "max_subscribers is -1",
		"max_per_account: -1":    "max_per_account is -1",
		"subscribers: 1":         "subscribers",
	} {
		e := &chirptest.Engine{Conns: map[string]grpc.ClientConnInterface{"follows": cc}, Plan: plan}
		if _, err := e.Start(t, notify.Service()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", plan, err, want)
		}
	}
}
