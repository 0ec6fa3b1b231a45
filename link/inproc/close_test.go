package inproc_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/internal/bounded"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/inproc"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

func listen(t *testing.T, u *url.URL, handler pb.ExerciseServer) link.Server {
	t.Helper()
	s, err := inproc.Link{}.Listen(t.Context(), u, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	pb.RegisterExerciseServer(s, handler)
	return s
}

func connect(t *testing.T, u *url.URL) link.Conn {
	t.Helper()
	conn, err := inproc.Link{}.Dial(u, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestAClosedConnEndsItsUnaryCallsAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		listens, serves bool
		ran             link.Outcome
	}{
		"while a handler runs":                {true, true, link.MayHaveRun},
		"while the server does not serve yet": {true, false, link.NeverSent},
		"while there is no server":            {false, false, link.NeverSent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				u := &url.URL{Scheme: "inproc", Host: strings.ReplaceAll(t.Name(), "/", "-")}
				handler := watching{watch: watchers["that waits"], ended: make(chan error, 1)}
				if c.listens {
					s := listen(t, u, handler)
					if c.serves {
						go s.Serve()
					}
				}
				mine, other := connect(t, u), connect(t, u)
				ends := make(chan error, 1)
				go func() {
					_, err := pb.NewExerciseClient(mine).Unary(t.Context(), &pb.Message{}, grpc.WaitForReady(true))
					ends <- err
				}()
				synctest.Wait()
				_ = other.Close() // is nothing to the call
				began := time.Now()
				_ = mine.Close()
				err := <-ends
				if status.Code(err) != codes.Canceled || link.Ran(err) != c.ran || time.Since(began) > 0 {
					t.Errorf("after %v: %v, which %v", time.Since(began), err, link.Ran(err))
				}
				if c.serves {
					if err := <-handler.ended; !errors.Is(err, context.Canceled) {
						t.Errorf("the handler's context ended with %v", err)
					}
				}
			})
		})
	}
}

func TestAConnFindsTheNextServerOfItsName(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "inproc", Host: "next"}
	conn := connect(t, u)
	client := pb.NewExerciseClient(conn)
	for range 3 {
		s := listen(t, u, echo{})
		go s.Serve()
		if _, err := client.Unary(t.Context(), &pb.Message{}); err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
		if _, err := client.Unary(t.Context(), &pb.Message{}); link.Ran(err) != link.NeverSent {
			t.Fatalf("a call of nobody ended with %v", err)
		}
	}
}

func TestAHandlerSeesItsContextEnd(t *testing.T) {
	t.Parallel()
	type row struct {
		end  func(cancel func(), s link.Server, conn link.Conn)
		want error
	}
	for name, c := range map[string]row{
		"at the deadline":             {func(func(), link.Server, link.Conn) {}, context.DeadlineExceeded},
		"when its caller leaves":      {func(cancel func(), _ link.Server, _ link.Conn) { cancel() }, context.Canceled},
		"when its caller's conn ends": {func(_ func(), _ link.Server, c link.Conn) { _ = c.Close() }, context.Canceled},
		"when its server ends":        {func(_ func(), s link.Server, _ link.Conn) { _ = s.Close() }, context.Canceled},
	} {
		for how, watch := range watchers {
			for whose, limit := range limits {
				t.Run(name+", "+how+", "+whose, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						u := &url.URL{Scheme: "inproc", Host: strings.ReplaceAll(t.Name(), "/", "-")}
						handler := watching{watch: watch, ended: make(chan error, 1)}
						s, conn := listen(t, u, handler), connect(t, u)
						go s.Serve()
						ctx, cancel := limit(t.Context(), time.Second)
						defer cancel()
						go pb.NewExerciseClient(conn).Unary(ctx, &pb.Message{})
						time.Sleep(time.Millisecond) // of the bubble
						c.end(cancel, s, conn)
						if err := <-handler.ended; !errors.Is(err, c.want) {
							t.Errorf("it ended with %v, want %v", err, c.want)
						}
					})
				})
			}
		}
	}
}

// limits are the contexts with which callers bound their calls.
var limits = map[string]func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc){
	"with a timer of its own": context.WithTimeout,
	"without one": func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		own := new(bounded.Context)
		own.Begin(ctx, time.Now().Add(d))
		return own, cancel
	},
}

// One timer ends them all.
func TestEachCallEndsAtItsOwnDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := &url.URL{Scheme: "inproc", Host: "deadlines"}
		handler := watching{watch: func(context.Context) error {
			time.Sleep(time.Minute) // of the bubble
			return nil
		}, ended: make(chan error, 100)}
		s, client := listen(t, u, handler), pb.NewExerciseClient(connect(t, u))
		go s.Serve()
		synctest.Wait()
		var calls sync.WaitGroup
		const s1, s2, s3 = time.Second, 2 * time.Second, 3 * time.Second
		for _, limit := range []time.Duration{s3, -1, s1, time.Hour, s2, s1} {
			want, code := max(0, limit), codes.DeadlineExceeded
			if limit == time.Hour {
				want, code = time.Minute, codes.OK // it is answered
			}
			calls.Go(func() {
				began := time.Now()
				ctx, cancel := limits["without one"](t.Context(), limit)
				defer cancel()
				_, err := client.Unary(ctx, &pb.Message{})
				if took := time.Since(began); took != want || status.Code(err) != code {
					t.Errorf("the call of %v ended after %v: %v", limit, took, err)
				}
			})
			time.Sleep(time.Millisecond) // of the bubble: in this order
		}
		calls.Wait()
		time.Sleep(time.Minute) // the handlers that nobody waits for run on
	})
}

// watchers are ways of a handler to learn of the end.
var watchers = map[string]func(context.Context) error{
	"that waits": func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	},
	"that waits for a child": func(ctx context.Context) error {
		child, cancel := context.WithCancel(ctx)
		defer cancel()
		<-child.Done()
		return child.Err()
	},
	"that is called": func(ctx context.Context) error {
		called := make(chan error)
		context.AfterFunc(ctx, func() { called <- ctx.Err() })
		return <-called
	},
	"that looks now and then": func(ctx context.Context) error {
		for ctx.Err() == nil {
			time.Sleep(time.Millisecond) // of the bubble
		}
		return ctx.Err()
	},
}

type watching struct {
	pb.UnimplementedExerciseServer
	watch func(context.Context) error
	ended chan error
}

func (w watching) Unary(ctx context.Context, _ *pb.Message) (*pb.Message, error) {
	w.ended <- w.watch(ctx)
	return nil, ctx.Err()
}

// A call that finds nobody says so, though a server comes in that very moment.
func TestCallsMeetServersThatComeAndGo(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "inproc", Host: t.Name()}
	client := pb.NewExerciseClient(connect(t, u))
	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for range 2 {
		callers.Go(func() {
			for ctx.Err() == nil {
				_, err := client.Unary(ctx, &pb.Message{})
				if ctx.Err() == nil && (status.Code(err) != codes.Unavailable || link.Ran(err) != link.NeverSent) {
					t.Errorf("%v, %v", err, link.Ran(err))
				}
			}
		})
	}
	const servers = 10_000
	for range servers {
		s, err := inproc.Link{}.Listen(t.Context(), u, link.ListenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
	}
	stop()
	callers.Wait()
}
