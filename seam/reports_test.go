package seam_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/internal/porttest"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/seam"
)

func TestAPanicIsReported(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		g := guard(t, l, rawURL, policy.Settings{}, &handlers{
			unary: func(context.Context, *message) (*message, error) {
				panic("for the test") //nolint:forbidigo // this is what is looked at
			},
			chat: func(grpc.BidiStreamingServer[message, message]) error {
				panic("for the test") //nolint:forbidigo // this is what is looked at
			},
		})
		caught := 1
		_, err := g.client.Unary(t.Context(), &message{})
		if status.Code(err) != codes.Internal {
			t.Errorf("the call ends with %v", err)
		}
		if l.Capabilities().Streams {
			caught++
			chat, err := g.client.Chat(t.Context())
			if err == nil {
				_, err = chat.Recv()
			}
			if status.Code(err) != codes.Internal {
				t.Errorf("the stream ends with %v", err)
			}
		}
		g.back.wantEvent(t, "", "panic", "caught", caught)
		if log := g.back.log.String(); strings.Count(log, `"panic":"for the test"`) != caught ||
			strings.Count(log, "TestAPanicIsReported") != caught {
			t.Errorf("the log has no stack of it:\n%s", log)
		}
	})
}

func TestACallThatNoServerTakesIsReported(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		h, entered, release := hung()
		g := guard(t, l, rawURL, policy.Settings{}, h)
		var running sync.WaitGroup
		defer running.Wait()
		defer release()
		running.Go(func() { _, _ = g.client.Unary(t.Context(), &message{}) })
		<-entered
		g.back.seam.Draining([]string{"back"})
		running.Go(func() { _ = g.server.Shutdown(t.Context()) })
		eventually(t, "a call is refused", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := g.client.Unary(ctx, &message{})
			return status.Code(err) == codes.Unavailable && link.Ran(err) == link.NeverSent
		})
		g.web.wantEvent(t, "web", "link", "refused", 1)
		if g.back.did("", "drain", "begun") != 1 {
			t.Errorf("the callee does not tell of its drain: %+v", g.back.seam.Policies())
		}
	})
}

func TestAStreamThatNoServerTakesIsReported(t *testing.T) {
	t.Parallel()
	onStreams(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		g := guard(t, l, rawURL, policy.Settings{}, &handlers{})
		if err := g.server.Close(); err != nil {
			t.Fatal(err)
		}
		chat, err := g.client.Chat(t.Context())
		if err == nil {
			_, err = chat.Recv()
		}
		if link.Ran(err) != link.NeverSent {
			t.Errorf("it %s: %v", link.Ran(err), err)
		}
		g.web.wantEvent(t, "web", "link", "refused", 1)
	})
}

func TestDeadlinesReport(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		short := seam.OutboundOptions{Deadline: func(string) time.Duration { return 50 * time.Millisecond }}
		g := guardWith(t, l, rawURL, policy.Settings{}, short, &handlers{
			unary: func(ctx context.Context, _ *message) (*message, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
		})
		if _, err := g.client.Unary(t.Context(), &message{}); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("the call ends with %v", err)
		}
		g.web.wantEvent(t, "web", "deadline", "exceeded", 1)
		sooner, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := g.client.Unary(sooner, &message{}); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("the call of who waits no longer ends with %v", err)
		}
		g.web.wantEvent(t, "web", "deadline", "exceeded", 1)
	})
}

// balanced is a conn to whoever a balancer picks.
type balanced struct {
	grpc.ClientConnInterface
	*balance.Balancer
}

func (b balanced) Invoke(ctx context.Context, method string, request, reply any, opts ...grpc.CallOption) error {
	c, err := b.Pick(ctx)
	if err != nil {
		return err
	}
	return c.Invoke(ctx, method, request, reply, opts...)
}

func TestReplicasReport(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		g := guard(t, l, rawURL, policy.Settings{}, &handlers{unary: echo})
		// To ask how the replicas stand would find that one is back.
		observe := g.web.seam.Balanced("web", "back", func() []balance.Status { return nil })
		b := balance.New(func(url string) (link.Conn, error) { return dialBare(l, url) },
			balance.Options{HealthEvery: -1, PassOver: 50 * time.Millisecond, Observe: observe})
		defer b.Close()
		b.Update([]string{g.server.URL(), nobody(t, l, rawURL)})
		unary, stream := g.web.seam.Outbound(seam.OutboundOptions{
			Caller: "web", Callee: "back", Link: l.Scheme(), Serves: exercise,
			Policy: func(string) policy.Settings { return policy.Settings{Retry: &policy.Retry{}} },
		})
		chain, err := call.Intercept(balanced{Balancer: b}, g.server.URL(), unary, stream)
		if err != nil {
			t.Fatal(err)
		}
		defer chain.Close()
		until := func(state balance.State) {
			eventually(t, "one is "+string(state), func() bool {
				if _, err := linktestv1.NewExerciseClient(chain).Unary(t.Context(), &message{}); err != nil {
					t.Error(err)
				}
				return g.web.did("web", "balance", string(state)) == 1
			})
			g.web.wantEvent(t, "web", "balance", string(state), 1)
		}
		until(balance.PassedOver)
		until(balance.OK)
	})
}

func dialBare(l link.Link, rawURL string) (link.Conn, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	return l.Dial(u, link.DialOptions{})
}

// nobody is a URL where somebody was.
func nobody(t *testing.T, l link.Link, rawURL string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case l.Capabilities().Broker:
		u.Path += "-left"
	case u.Port() == "":
		u.Host += "-left"
	default:
		u.Host = porttest.Free(t)
	}
	s, err := l.Listen(t.Context(), u, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	return s.URL()
}
