package lessons

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/demo"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
)

const (
	followers = 4 // who listen all the time
	author    = 1 // whom they follow
)

// notifyDown kills notify while people post.
func notifyDown(ctx context.Context, s *demo.Stage) error {
	system, err := s.Processes(ctx, s.Plan())
	if err != nil {
		return err
	}
	w, err := newWriter(ctx, system)
	if err != nil {
		return err
	}
	readers, err := newAudience(system)
	if err != nil {
		return err
	}
	defer readers.leave()
	if err := readers.listen(ctx); err != nil {
		return err
	}
	before, err := w.write(ctx, s.Part/2)
	if err != nil {
		return err
	}
	if err := readers.await(ctx, before.posts); err != nil {
		return err
	}
	s.Sayf("kill -9 notify, after %d followers were told of %d posts", followers, len(before.posts))
	if err := system.Kill(ctx, "notify"); err != nil {
		return err
	}
	readers.leave()
	down, err := w.write(ctx, s.Part)
	if err != nil {
		return err
	}
	s.Sayf("notify starts again, and its followers come back")
	if err := system.Restart(ctx, "notify"); err != nil {
		return err
	}
	if err := readers.listen(ctx); err != nil {
		return err
	}
	back, err := w.write(ctx, s.Part/2)
	if err != nil {
		return err
	}
	all := slices.Concat(before.posts, down.posts, back.posts)
	if err := readers.await(ctx, all); err != nil {
		return err
	}
	s.Columns("before", "notify down", "back")
	phases := []written{before, down, back}
	pages(s, each(phases, func(w written) demo.Calls { return w.calls }))
	s.Figure("lost", "posts", each(phases, func(w written) float64 { return float64(readers.lost(w.posts)) })...)
	calls := slices.Concat(before.calls, down.calls, back.calls)
	s.Claimf(len(calls.Failed()) == 0, "%d of %d posts fail (none)", len(calls.Failed()), len(calls))
	lost, twice := readers.lost(all), readers.twice()
	s.Claimf(len(down.posts) > 0 && lost == 0 && twice == 0, "each of %d followers is told of each of %d posts once, "+
		"%d of which were written while notify was down: %d are lost, and %d told twice (none)",
		followers, len(all), len(down.posts), lost, twice)
	return nil
}

// patient makes notify wait for its followers, who have lost it when it was killed: who comes
// too late would read the posts where they are kept, and nobody could tell what the queue has
// done. Posts take turns, so that they do not come faster than they are read.
func patient(app kerf.App, _ bool) kerf.App {
	var here atomic.Int64
	var turn sync.Mutex
	app = around(app, "chirp.notify", func(ctx context.Context, request any, handle grpc.UnaryHandler) (any, error) {
		for here.Load() < followers {
			if err := demo.Wait(ctx, 10*time.Millisecond); err != nil {
				return nil, status.FromContextError(err).Err()
			}
		}
		turn.Lock()
		defer turn.Unlock()
		return handle(ctx, request)
	})
	app.StreamServer = append(slices.Clone(app.StreamServer), func(
		impl any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler,
	) error {
		if info.FullMethod != notifyv1.Notify_Subscribe_FullMethodName {
			return handle(impl, stream)
		}
		return handle(impl, subscription{stream, &here})
	})
	return app
}

// subscription counts itself when its headers say that it listens.
type subscription struct {
	grpc.ServerStream

	here *atomic.Int64
}

func (s subscription) SendHeader(md metadata.MD) error {
	s.here.Add(1)
	return s.ServerStream.SendHeader(md)
}

// writer writes posts, of one author.
type writer struct {
	messages messagesv1.MessagesClient
	count    atomic.Int64
}

// written is what became of posts, and the ids of those that did not fail.
type written struct {
	calls demo.Calls
	posts []int64
}

// newWriter has followers of him too.
func newWriter(ctx context.Context, system *demo.Processes) (*writer, error) {
	to, err := system.Dial("messages")
	if err != nil {
		return nil, err
	}
	rest, err := system.Dial("rest")
	if err != nil {
		return nil, err
	}
	for id := range int64(followers) {
		_, err := followsv1.NewFollowsClient(rest).Follow(ctx,
			&followsv1.FollowRequest{FollowerId: author + 1 + id, FolloweeId: author})
		if err != nil {
			return nil, err
		}
	}
	return &writer{messages: messagesv1.NewMessagesClient(to)}, nil
}

func (w *writer) write(ctx context.Context, d time.Duration) (written, error) {
	const rate = 10
	var mu sync.Mutex
	var posts []int64
	calls, err := demo.During(ctx, d, rate, func(ctx context.Context) error {
		id := strconv.FormatInt(w.count.Add(1), 10)
		answer, err := w.messages.CreatePost(ctx,
			&messagesv1.CreatePostRequest{AuthorId: author, ClientId: id, Text: "number " + id})
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			posts = append(posts, answer.GetPost().GetId())
		}
		return err
	})
	return written{calls, posts}, err
}
