package run_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/run"
)

// left is how long a handler has.
func left(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return time.Until(deadline)
}

// tell answers with how long there is.
func tell(ctx context.Context, _ *message) (*message, error) {
	return &message{Number: int64(left(ctx))}, nil
}

func TestAPlanBoundsCallsThatNobodyBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		extra       string
		least, most time.Duration
	}{
		"by five seconds, if it says nothing": {"", 4 * time.Second, 5 * time.Second},
		"by what it says":                     {"deadline: 1m\n", 50 * time.Second, time.Minute},
		"by what it says of the method": {
			"deadline: 1m\nmethods: {kerf.linktest.v1.Exercise/Unary: {deadline: 10s}}\n",
			9 * time.Second, 10 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachPlan(t, func(t *testing.T, text string) {
				t.Helper()
				var got time.Duration
				app := pair(func(_ context.Context, h *kerf.Host) error {
					back := linktestv1.NewExerciseClient(h.Conn("back"))
					ask := func(ctx context.Context, m *message) (*message, error) {
						if left(ctx) != 0 {
							t.Error("kit.Dial has set a deadline")
						}
						answer, err := back.Unary(ctx, m)
						got = time.Duration(answer.GetNumber())
						return answer, err
					}
					h.RegisterService(frontDesc(), &handlers{unary: ask})
					return nil
				}, registerBack(&handlers{unary: tell}))
				p := startAll(t, app, text+c.extra, "front")
				if _, err := askFront(t.Context(), dial(t, p), ""); err != nil {
					t.Fatal(err)
				}
				if got < c.least || got > c.most {
					t.Errorf("back has %v, want between %v and %v", got, c.least, c.most)
				}
			})
		})
	}
}

func registerBack(h *handlers) func(context.Context, *kerf.Host) error {
	return func(_ context.Context, host *kerf.Host) error {
		linktestv1.RegisterExerciseServer(host, h)
		return nil
	}
}

func TestACalleeGetsWhatIsLeft(t *testing.T) {
	t.Parallel()
	eachPlan(t, func(t *testing.T, text string) {
		t.Helper()
		var got time.Duration
		app := backWith(&handlers{unary: func(ctx context.Context, m *message) (*message, error) {
			got = left(ctx)
			return m, nil
		}})
		p := startAll(t, app, text, "front")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := askFront(ctx, dial(t, p), ""); err != nil {
			t.Fatal(err)
		}
		if got <= 0 || got >= 2*time.Second {
			t.Errorf("of two seconds, back has %v left", got)
		}
	})
}

func TestStreamsHaveNoDeadline(t *testing.T) {
	t.Parallel()
	eachPlan(t, func(t *testing.T, text string) {
		t.Helper()
		var host *kerf.Host
		app := pair(func(_ context.Context, h *kerf.Host) error {
			host = h
			h.RegisterService(frontDesc(), &handlers{})
			h.Conn("back")
			return nil
		}, registerBack(&handlers{chat: func(s grpc.BidiStreamingServer[message, message]) error {
			return s.Send(&message{Number: int64(left(s.Context()))})
		}}))
		startAll(t, app, text, "front")
		stream, err := linktestv1.NewExerciseClient(host.Conn("back")).Chat(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := stream.Recv(); err != nil || got.GetNumber() != 0 {
			t.Errorf("%v, %v", time.Duration(got.GetNumber()), err)
		}
	})
}

func TestInterceptorsRunInOrder(t *testing.T) {
	t.Parallel()
	eachPlan(t, func(t *testing.T, text string) {
		t.Helper()
		var d diary
		var host *kerf.Host
		app := pair(func(_ context.Context, h *kerf.Host) error {
			host = h
			h.RegisterService(frontDesc(), &handlers{})
			return nil
		}, registerBack(&handlers{
			unary: func(_ context.Context, m *message) (*message, error) { d.note("handler"); return m, nil },
			chat: func(grpc.BidiStreamingServer[message, message]) error {
				d.note("handler")
				return nil
			},
		}))
		intercepted(&app, &d)
		startAll(t, app, text, "front")
		client := linktestv1.NewExerciseClient(host.Conn("back"))
		if _, err := client.Unary(t.Context(), &message{}); err != nil {
			t.Fatal(err)
		}
		if got, want := d.String(), "client 1, client 2, server 1, server 2, handler"; got != want {
			t.Errorf("a call went %s; want %s", got, want)
		}
		stream, err := client.Chat(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err == nil {
			t.Error("the stream goes on")
		}
		_, streamed, _ := strings.Cut(d.String(), "handler, ")
		want := "stream client 1, stream client 2, stream server 1, stream server 2, handler"
		if streamed != want {
			t.Errorf("a stream went %s; want %s", streamed, want)
		}
	})
}

// intercepted puts two interceptors of each kind into an app.
func intercepted(app *kerf.App, d *diary) {
	for i := range 2 {
		name := strconv.Itoa(i + 1)
		app.UnaryClient = append(app.UnaryClient, func(ctx context.Context, m string, req, reply any,
			cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption,
		) error {
			d.note("client " + name)
			return next(ctx, m, req, reply, cc, opts...)
		})
		app.StreamClient = append(app.StreamClient, func(ctx context.Context, desc *grpc.StreamDesc,
			cc *grpc.ClientConn, m string, next grpc.Streamer, opts ...grpc.CallOption,
		) (grpc.ClientStream, error) {
			d.note("stream client " + name)
			return next(ctx, desc, cc, m, opts...)
		})
		app.UnaryServer = append(app.UnaryServer, func(ctx context.Context, req any, _ *grpc.UnaryServerInfo,
			next grpc.UnaryHandler,
		) (any, error) {
			d.note("server " + name)
			return next(ctx, req)
		})
		app.StreamServer = append(app.StreamServer, func(impl any, s grpc.ServerStream, _ *grpc.StreamServerInfo,
			next grpc.StreamHandler,
		) error {
			d.note("stream server " + name)
			return next(impl, s)
		})
	}
}

// counter counts the ends of calls on each side.
type counter struct {
	mu           sync.Mutex // guards the fields below
	client, side map[string]int
}

type methodKey struct{}

func (*counter) TagRPC(ctx context.Context, i *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, methodKey{}, i.FullMethodName)
}

func (c *counter) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if end, ok := s.(*stats.End); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		method, _ := ctx.Value(methodKey{}).(string)
		if end.Client {
			c.client[method]++
		} else {
			c.side[method]++
		}
	}
}

func (*counter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*counter) HandleConn(context.Context, stats.ConnStats)                       {}

func (c *counter) of(method string) (client, server int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.client[method], c.side[method]
}

func TestStatsHandlersSeeBothSides(t *testing.T) {
	t.Parallel()
	eachPlan(t, func(t *testing.T, text string) {
		t.Helper()
		count := &counter{client: map[string]int{}, side: map[string]int{}}
		app := pair(nil, nil)
		app.Stats = []stats.Handler{count}
		p := startAll(t, app, text, "front")
		if _, err := askFront(t.Context(), dial(t, p), ""); err != nil {
			t.Fatal(err)
		}
		const toBack, toFront = "/kerf.linktest.v1.Exercise/Unary", "/kerf.test.Front/Unary"
		poll(t, "both calls were told", func() bool {
			c, s := count.of(toBack)
			outside, f := count.of(toFront)
			return c == 1 && s == 1 && outside == 0 && f == 1
		})
	})
}

func TestAProcessThatMovedIsFoundAgain(t *testing.T) {
	t.Parallel()
	s := newSystem(t, pair(nil, nil), apart)
	first, front := s.start("back"), s.start("front")
	cc := dial(t, front)
	if _, err := askFront(t.Context(), cc, ""); err != nil {
		t.Fatal(err)
	}
	stop(t, first)
	_, err := askFront(t.Context(), cc, "")
	if status.Code(err) != codes.Unavailable {
		t.Errorf("while it is away: %v", err)
	}
	occupy(t, first.URLs()[0])
	s.start("back")
	if got, err := askFront(t.Context(), cc, "there"); err != nil || got != "there" {
		t.Errorf("after it moved: %q, %v", got, err)
	}
}

// occupy keeps an address from being given again.
func occupy(t *testing.T, url string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
}

func TestAProcessThatIsJustStartingIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newSystem(t, pair(nil, nil), apart)
	cc := dial(t, s.start("front"))
	called := make(chan error, 1)
	go func() {
		_, err := askFront(t.Context(), cc, "")
		called <- err
	}()
	s.start("back")
	if err := await(t, "the answer", called); err != nil {
		t.Error(err)
	}
}

func TestARestartedProcessTakesItsAddressAgain(t *testing.T) {
	t.Parallel()
	for scheme, text := range map[string]string{"http": apart, "nats": queued} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			takeAgain(t, newSystem(t, pair(nil, nil), text))
		})
	}
}

func takeAgain(t *testing.T, s *system) {
	t.Helper()
	s.startBroker()
	first := s.start("back")
	stop(t, first)
	o := s.options("back")
	o.Listen, o.Admin = first.URLs(), first.Admin()
	second, err := run.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, second)
	if !slices.Equal(second.URLs(), first.URLs()) || second.Admin() != first.Admin() {
		t.Errorf("it was at %v and is at %v", first.URLs(), second.URLs())
	}
	third, err := run.Start(t.Context(), o) // while the second has it
	if err != nil {
		t.Fatalf("with its address taken: %v", err)
	}
	defer stop(t, third)
	if slices.Equal(third.URLs(), first.URLs()) {
		t.Error("two processes have one address")
	}
}

func TestAProcessThatStopsRefusesItsOwnCallsToo(t *testing.T) {
	t.Parallel()
	eachPlan(t, func(t *testing.T, text string) {
		t.Helper()
		var host *kerf.Host
		p := startAll(t, pair(func(_ context.Context, h *kerf.Host) error {
			host = h
			h.RegisterService(frontDesc(), &handlers{})
			h.Conn("back")
			return nil
		}, nil), text, "front")
		conn := host.Conn("back")
		stop(t, p)
		_, err := linktestv1.NewExerciseClient(conn).Unary(t.Context(), &message{})
		code := status.Code(err)
		if code != codes.Canceled && code != codes.Unavailable || link.Ran(err) != link.NeverSent {
			t.Errorf("%v, %v", err, link.Ran(err))
		}
	})
}

func TestAServiceThatThePlanLeavesOutIsUnavailableAtOnce(t *testing.T) {
	t.Parallel()
	s := newSystem(t, onlyFront(), "version: 1\napp: pair\nprocesses: {front: {services: [front], link: http}}\n")
	cc := dial(t, s.start("front"))
	_, err := askFront(t.Context(), cc, "")
	if status.Code(err) != codes.Unavailable || status.Convert(err).Message() != "the plan has no service back" {
		t.Error(err)
	}
	if log := s.log.String(); strings.Contains(log, `"caller":"front"`) {
		t.Errorf("that nobody is there is logged as a failure:\n%s", log)
	}
}
