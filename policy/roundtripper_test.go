package policy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/internal/porttest"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

// upstream is an HTTP server on loopback, and a client whose requests pass policies.
type upstream struct {
	*httptest.Server

	client *http.Client
	way    *way // for what the policies tell

	requests atomic.Int64
	opened   atomic.Int64 // connections
}

func newUpstream(
	t *testing.T, s policy.Settings, handle func(n int64, w http.ResponseWriter, r *http.Request),
) *upstream {
	t.Helper()
	u := &upstream{way: newWay(s, nil)}
	u.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handle(u.requests.Add(1), w, r)
	}))
	u.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			u.opened.Add(1)
		}
	}
	u.Start()
	base := &http.Transport{}
	u.client = &http.Client{Transport: policy.RoundTripper(base, u.way.out, s)}
	t.Cleanup(func() {
		base.CloseIdleConnections()
		u.Close()
	})
	return u
}

// quickly repeats without long pauses.
func quickly() policy.Settings {
	return policy.Settings{Retry: &policy.Retry{Backoff: time.Millisecond}}
}

// send makes a request, and gives the status and the body of its response.
func (u *upstream) send(
	t *testing.T, method string, body io.Reader, change ...func(*http.Request),
) (int, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, u.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(r)
	}
	response, err := u.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

func TestOnlyRequestsThatMayRunTwiceAreRepeated(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method string
		status int
		body   io.Reader
		change func(*http.Request)
		want   int64
	}{
		"GET and 503":                     {method: "GET", status: 503, want: 3},
		"GET and 502":                     {method: "GET", status: 502, want: 3},
		"GET and 504":                     {method: "GET", status: 504, want: 3},
		"GET and 500, which is an answer": {method: "GET", status: 500, want: 1},
		"GET and 429, which sheds load":   {method: "GET", status: 429, want: 1},
		"GET and 404":                     {method: "GET", status: 404, want: 1},
		"HEAD":                            {method: "HEAD", status: 503, want: 3},
		"OPTIONS":                         {method: "OPTIONS", status: 503, want: 3},
		"TRACE":                           {method: "TRACE", status: 503, want: 3},
		"DELETE":                          {method: "DELETE", status: 503, want: 3},
		"PUT with a body that can be had again": {
			method: "PUT", status: 503, body: strings.NewReader("the body"), want: 3,
		},
		"PUT with one that cannot": {
			method: "PUT", status: 503, body: io.MultiReader(strings.NewReader("the body")), want: 1,
		},
		"POST":  {method: "POST", status: 503, want: 1},
		"PATCH": {method: "PATCH", status: 503, want: 1},
		"POST with a key": {
			method: "POST", status: 503, body: strings.NewReader("the body"), want: 3,
			change: func(r *http.Request) { r.Header.Set("Idempotency-Key", "1") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUpstream(t, quickly(), func(_ int64, w http.ResponseWriter, r *http.Request) {
				if body, err := io.ReadAll(r.Body); test.body != nil && string(body) != "the body" {
					t.Errorf("the body is %q, %v", body, err)
				}
				w.WriteHeader(test.status)
			})
			if test.change == nil {
				test.change = func(*http.Request) {}
			}
			code, _, err := u.send(t, test.method, test.body, test.change)
			if code != test.status || err != nil || u.requests.Load() != test.want {
				t.Errorf("%d, %v after %d requests, want %d", code, err, u.requests.Load(), test.want)
			}
		})
	}
}

func TestTheCallerGetsTheLastResponseWhole(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 100_000)
	for name, good := range map[string]int64{"that is good": 3, "that is not": 99} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUpstream(t, quickly(), func(n int64, w http.ResponseWriter, _ *http.Request) {
				want := http.StatusOK
				if n < good {
					want = http.StatusServiceUnavailable
				}
				w.WriteHeader(want)
				_, _ = fmt.Fprint(w, "response ", n, long)
			})
			code, body, err := u.send(t, http.MethodGet, nil)
			if (code == 200) != (good == 3) || body != "response 3"+long || err != nil {
				t.Errorf("%d, %d bytes, %v", code, len(body), err)
			}
		})
	}
}

// discarded responses are read a little, so that one connection does for all.
func TestNoConnectionIsLeftBehind(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, quickly(), func(n int64, w http.ResponseWriter, _ *http.Request) {
		if n%2 == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, strings.Repeat("x", 10_000))
	})
	for range 50 {
		if code, body, err := u.send(t, http.MethodGet, nil); code != 200 || len(body) != 10_000 || err != nil {
			t.Fatalf("%d, %d bytes, %v", code, len(body), err)
		}
	}
	if n := u.opened.Load(); n != 1 || u.requests.Load() != 100 {
		t.Errorf("%d connections for %d requests, want 1 for 100", n, u.requests.Load())
	}
}

func TestADiscardedResponseWithoutEndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, quickly(), func(n int64, w http.ResponseWriter, r *http.Request) {
		if n > 1 {
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done() // the end of the connection
	})
	if code, _, err := u.send(t, http.MethodGet, nil); code != 200 || err != nil {
		t.Errorf("%d, %v", code, err)
	}
}

func TestARequestThatTLSKeepsBackWasNeverSentAndIsRepeated(t *testing.T) {
	t.Parallel()
	for want, take := range map[string]func(*net.TCPConn){
		"TLS handshake timeout": nil, // the system takes them for it
		"reset":                 func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() },
		"EOF": func(c *net.TCPConn) {
			_ = c.CloseWrite()
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		},
		"HTTP response to HTTPS client": func(c *net.TCPConn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			over := new(http.Transport)
			if take == nil {
				over.TLSHandshakeTimeout = 20 * time.Millisecond
			}
			w, base := newWay(quickly(), nil), &countingTrips{base: over}
			client := &http.Client{Transport: policy.RoundTripper(base, w.out, quickly())}
			address := "https://" + takesEach(t, take)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Do(r) //nolint:bodyclose // there is none
			if err == nil || !strings.Contains(err.Error(), want) || base.n.Load() != 3 {
				t.Errorf("got %v after %d attempts", err, base.n.Load())
			}
		})
	}
}

// takesEach is the address of a server that does with each connection, one after the other, what take does; nil:
// takes none.
func takesEach(t *testing.T, take func(*net.TCPConn)) (address string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var taking sync.WaitGroup
	t.Cleanup(taking.Wait)
	t.Cleanup(func() { _ = listener.Close() })
	taking.Go(func() {
		for take != nil {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			take(c.(*net.TCPConn))
		}
	})
	return listener.Addr().String()
}

func TestARefusedConnectionWasNeverSentAndIsRepeatedIfItsBodyCanBe(t *testing.T) {
	t.Parallel()
	address := "http://" + porttest.Free(t)
	for want, body := range map[int64]io.Reader{
		3: strings.NewReader("x"), 1: io.MultiReader(strings.NewReader("x")), // which cannot be had again
	} {
		w := newWay(quickly(), nil)
		base := &countingTrips{base: &http.Transport{}}
		client := &http.Client{Transport: policy.RoundTripper(base, w.out, quickly())}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, body)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Do(r) //nolint:bodyclose // there is none
		op := new(net.OpError)
		if !errors.As(err, &op) || op.Op != "dial" || base.n.Load() != want || w.count("retry again") != int(want)-1 {
			t.Errorf("got %v after %d attempts, want %d", err, base.n.Load(), want)
		}
	}
}

// answers is a base whose responses and their contexts the test looks at.
type answers struct {
	bodies   []*closing
	contexts []context.Context
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	body := &closing{Reader: strings.NewReader("sorry")}
	a.bodies, a.contexts = append(a.bodies, body), append(a.contexts, r.Context())
	return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: body}, nil
}

func TestEachResponseIsClosedAndItsContextFreedInItsTime(t *testing.T) {
	t.Parallel()
	base, bounded := new(answers), quickly()
	bounded.Retry.Timeout = time.Minute // gives each attempt a context of its own
	trip := policy.RoundTripper(base, policy.NewOutbound(nil), bounded)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://upstream.example", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := trip.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range base.bodies {
		discarded := i < 2
		if freed := base.contexts[i].Err() != nil; body.closed.Load() != discarded || freed != discarded {
			t.Errorf("response %d: closed %v, freed %v", i+1, body.closed.Load(), freed)
		}
	}
	_, err = io.ReadAll(response.Body)
	if err != nil || base.contexts[2].Err() == nil {
		t.Errorf("%v; the context of a response that was read is not freed", err)
	}
	if _ = response.Body.Close(); !base.bodies[2].closed.Load() || len(base.bodies) != 3 {
		t.Errorf("the last of %d responses is not closed", len(base.bodies))
	}
}

// countingTrips counts attempts.
type countingTrips struct {
	base http.RoundTripper
	n    atomic.Int64
}

func (c *countingTrips) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.base.RoundTrip(r)
}

// reset ends a connection without an answer.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func TestAConnectionThatBreaksMayHaveRun(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]int64{http.MethodGet: 3, http.MethodPost: 1} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			u := newUpstream(t, quickly(), func(_ int64, w http.ResponseWriter, _ *http.Request) { reset(w) })
			_, _, err := u.send(t, method, strings.NewReader("x"))
			if err == nil || u.requests.Load() != want {
				t.Errorf("got %v after %d requests, want %d", err, u.requests.Load(), want)
			}
		})
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		value       func() string
		want        int64
		least, most time.Duration
	}{
		"a second":             {func() string { return "1" }, 2, time.Second, 10 * time.Second},
		"a date":               {inTwoSeconds, 2, time.Second, 10 * time.Second},
		"a date in the past":   {longAgo, 2, 0, time.Hour},
		"longer than anyone":   {func() string { return "3600" }, 1, 0, time.Hour},
		"much longer than so":  {func() string { return "99999999999" }, 1, 0, time.Hour},
		"what says nothing":    {func() string { return "soon" }, 2, 0, time.Hour},
		"a number below zero":  {func() string { return "-1" }, 2, 0, time.Hour},
		"a number of no sense": {func() string { return "1.5" }, 2, 0, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUpstream(t, quickly(), func(n int64, w http.ResponseWriter, _ *http.Request) {
				if n == 1 {
					w.Header().Set("Retry-After", test.value())
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			})
			began := time.Now()
			_, _, err := u.send(t, http.MethodGet, nil)
			took := time.Since(began)
			if err != nil || u.requests.Load() != test.want || took < test.least || took > test.most {
				t.Errorf("%v, %d requests in %v", err, u.requests.Load(), took)
			}
		})
	}
}

func longAgo() string { return time.Unix(0, 0).UTC().Format(http.TimeFormat) }

func inTwoSeconds() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) }

func TestAnOpenBreakerKeepsRequestsAway(t *testing.T) {
	t.Parallel()
	s := policy.Settings{Breaker: &policy.Breaker{Calls: 5, Open: time.Hour}}
	u := newUpstream(t, s, func(_ int64, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
	})
	for range 5 {
		if code, _, err := u.send(t, http.MethodGet, nil); code != 500 || err != nil {
			t.Fatalf("%d, %v", code, err)
		}
	}
	body := &closing{Reader: strings.NewReader("x")}
	_, _, err := u.send(t, http.MethodPost, body)
	wantCode(t, errors.Unwrap(err), codes.Unavailable)
	if link.Ran(err) != link.NeverSent || u.requests.Load() != 5 || !body.closed.Load() {
		t.Errorf("%v, %d requests, body closed: %v", link.Ran(err), u.requests.Load(), body.closed.Load())
	}
}

// closing is a body that knows whether it is closed.
type closing struct {
	io.Reader
	closed atomic.Bool
}

func (c *closing) Close() error {
	c.closed.Store(true)
	return nil
}

func TestABreakerLearnsNothingOfRequestsThatCannotBeSent(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	t.Cleanup(cancel)
	for name, test := range map[string]struct {
		body   io.Reader
		change func(*http.Request)
	}{
		"a header that is none":  {change: func(r *http.Request) { r.Header.Set("A", "a\nb") }},
		"a method that is none":  {change: func(r *http.Request) { r.Method = "A B" }},
		"a body that fails":      {body: iotest.ErrReader(errors.New("for the test"))},
		"one that is too long":   {body: http.MaxBytesReader(nil, io.NopCloser(strings.NewReader("long")), 2)},
		"a context that is over": {change: func(r *http.Request) { *r = *r.WithContext(over) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := policy.Settings{Breaker: &policy.Breaker{Calls: 5, Open: time.Hour}, Retry: &policy.Retry{}}
			u := newUpstream(t, s, func(int64, http.ResponseWriter, *http.Request) {})
			for range 10 {
				if _, _, err := u.send(t, "PUT", test.body, func(r *http.Request) {
					if test.change != nil {
						test.change(r)
					}
				}); err == nil {
					t.Error("it is sent")
				}
			}
			if _, _, err := u.send(t, "GET", nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestARequestLeavesTheBulkheadWhenItsResponseComes(t *testing.T) {
	t.Parallel()
	s := policy.Settings{Bulkhead: &policy.Bulkhead{Calls: 1, Queue: -1}}
	u := newUpstream(t, s, func(n int64, w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		if n == 1 {
			<-r.Context().Done()
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := u.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	if code, _, err := u.send(t, http.MethodGet, nil); code != 200 || err != nil {
		t.Errorf("%d, %v", code, err)
	}
}

func TestAnAttemptsTimeoutEndsWithTheHeader(t *testing.T) {
	t.Parallel()
	s := policy.Settings{Retry: &policy.Retry{Timeout: 200 * time.Millisecond, Backoff: time.Millisecond}}
	u := newUpstream(t, s, func(n int64, w http.ResponseWriter, r *http.Request) {
		if n == 1 {
			<-r.Context().Done() // the first attempt has no answer in time
			return
		}
		_ = http.NewResponseController(w).Flush()
		<-time.NewTimer(400 * time.Millisecond).C // the body may take longer than an attempt
		_, _ = io.WriteString(w, "late")
	})
	if code, body, err := u.send(t, http.MethodGet, nil); code != 200 || body != "late" || err != nil {
		t.Errorf("%d, %q, %v", code, body, err)
	}
	if u.requests.Load() != 2 {
		t.Errorf("%d requests", u.requests.Load())
	}
}

func TestACallerWhoGivesUpDuringAPauseGetsNoResponse(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	u := newUpstream(t, quickly(), func(_ int64, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
		time.AfterFunc(50*time.Millisecond, cancel)
	})
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := u.client.Do(r)
	if err == nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAConnectionCanBeUpgraded(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, policy.Defaults(), func(_ int64, w http.ResponseWriter, _ *http.Request) {
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := both.ReadString('\n')
		_, _ = io.WriteString(conn, line)
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "echo")
	response, err := u.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	conn, ok := response.Body.(io.ReadWriter)
	if !ok {
		t.Fatalf("the body is a %T, which nobody can write to", response.Body)
	}
	_, _ = io.WriteString(conn, "hello\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "hello\n" {
		t.Errorf("%q, %v", line, err)
	}
}

func TestARequestWithoutAURLIsAnError(t *testing.T) {
	t.Parallel()
	rt := policy.RoundTripper(nil, policy.NewOutbound(nil), policy.Defaults())
	if _, err := rt.RoundTrip(&http.Request{}); err == nil { //nolint:bodyclose // there is none
		t.Error("it is answered")
	}
}
