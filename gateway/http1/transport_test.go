package http1_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kerf-go/kerf/gateway/http1"
)

func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	const head, chunked = "HTTP/1.1 200 OK\r\n", "Transfer-Encoding: chunked\r\n\r\n"
	const length = "Content-Length: 4\r\n\r\n"
	for name, c := range map[string]struct {
		method, body, answer, want string
		conns                      int64
	}{
		"a length":             {"GET", "", ok("fine"), "200 OK fine", 1},
		"chunks":               {"GET", "", head + chunked + "4\r\nfine\r\n0\r\n\r\n", "200 OK fine", 1},
		"HEAD":                 {"HEAD", "", head + "Content-Length: 4\r\n\r\n", "200 OK ", 1},
		"no content":           {"GET", "", "HTTP/1.1 204 No Content\r\n\r\n", "204 No Content ", 1},
		"a body":               {"POST", "a body", ok("fine"), "200 OK fine", 1},
		"close":                {"GET", "", head + "Connection: close\r\n" + length + "fine", "200 OK fine", 10},
		"HTTP/1.0":             {"GET", "", "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nfine", "200 OK fine", 10},
		"an answer to nothing": {"GET", "", ok("fine") + ok("evil"), "200 OK fine", 10},
		"and to a HEAD":        {"HEAD", "", ok("evil"), "200 OK ", 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, answering(c.answer))
			rt := newTransport(t)
			for range 10 {
				if got := get(t, rt, request(t, c.method, s.url, c.body)); got != c.want {
					t.Errorf("%q, not %q", got, c.want)
				}
			}
			if n := s.conns.Load(); n != c.conns {
				t.Errorf("%d connections, not %d", n, c.conns)
			}
		})
	}
}

func TestAnAnswerUntilTheEndOfItsConnection(t *testing.T) {
	t.Parallel()
	s := serve(t, func(p *peer) {
		p.next()
		p.say("HTTP/1.1 200 OK\r\n\r\nas long as it goes")
	})
	rt := newTransport(t)
	for _, to := range [][2]string{{"", ""}, {"", ""}, {"/at-once", ""}, {"", "a body"}, {"", ""}} {
		time.Sleep(15 * time.Millisecond) // whatever time the request before has left behind is over
		r := request(t, "PUT", s.url+to[0], to[1])
		if to[1] != "" {
			r.Body = hesitating{r.Body}
		}
		if got := get(t, rt, r); got != "200 OK as long as it goes" {
			t.Error(got)
		}
	}
}

// What comes between two requests is not the second one's answer, with TLS as without.
func TestWhatNobodyAskedForIsNobodysAnswer(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		said := make(chan bool)
		play := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(c, ok("fine"))
			<-said
			_, _ = io.WriteString(c, ok("evil"))
			said <- true
		})
		s := httptest.NewUnstartedServer(play)
		rt := newTransport(t)
		s.Start()
		if secure {
			s.Close()
			s = httptest.NewTLSServer(play)
			rt.Dial = trusting(s.Certificate())
		}
		t.Cleanup(s.Close)
		for range 5 {
			if got := get(t, rt, request(t, "GET", s.URL, "")); got != "200 OK fine" {
				t.Error(got)
			}
			said <- true
			<-said
		}
	}
}

// What has been decrypted with the end of an answer, and not read, is nobody's answer either.
func TestWhatIsLeftOfARecordIsNobodysAnswer(t *testing.T) {
	t.Parallel()
	const head, most = "HTTP/1.1 200 OK\r\nContent-Length: 4055\r\n\r\n", 4096 // that are read at once
	fine := strings.Repeat("a", most-len(head))
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { c.Close() })
		_, _ = io.WriteString(c, head+fine+ok("evil"))
	}))
	s.TLS = &tls.Config{DynamicRecordSizingDisabled: true} // so that all is one record
	s.StartTLS()
	t.Cleanup(s.Close)
	rt := newTransport(t)
	rt.Dial = trusting(s.Certificate())
	for range 5 {
		if got := get(t, rt, request(t, "GET", s.URL, "")); got != "200 OK "+fine {
			t.Fatalf("%.20q", got)
		}
	}
}

func trusting(certificate *x509.Certificate) func(context.Context, string, string) (net.Conn, error) {
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		return (&tls.Dialer{Config: &tls.Config{RootCAs: roots}}).DialContext(ctx, "tcp", address)
	}
}

func TestConnectionsWithTLSAreUsedAgain(t *testing.T) {
	t.Parallel()
	var conns atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "fi")
		_ = http.NewResponseController(w).Flush()
		time.Sleep(15 * time.Millisecond) // longer than an answer is expected in
		_, _ = io.WriteString(w, "ne")
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	rt := newTransport(t)
	rt.Dial = trusting(s.Certificate())
	for range 10 {
		if got := get(t, rt, request(t, "GET", s.URL, "")); got != "200 OK fine" {
			t.Error(got)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// A server that closes a connection when the second request comes on it has not taken that one.
func TestSafeRequestsAreSentAgain(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]string{
		"GET": "200 OK fine", "OPTIONS": "200 OK fine", "DELETE": "unexpected EOF", "POST": "unexpected EOF",
	} {
		s := serve(t, func(p *peer) {
			p.next()
			p.say(ok("fine"))
			p.next()
		})
		rt := newTransport(t)
		if got := get(t, rt, request(t, method, s.url, "")); got != "200 OK fine" {
			t.Errorf("%s: %s", method, got)
		}
		if got := get(t, rt, request(t, method, s.url, "")); got != want {
			t.Errorf("%s: %q, not %q", method, got, want)
		}
	}
}

// One that has begun to answer has taken it, and a body cannot be had again.
func TestWhatMayHaveArrivedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for begun, body := range map[string]string{"HTTP/1.1 200": "", "": "a body"} {
		var asked atomic.Int64
		s := serve(t, func(p *peer) {
			p.next()
			p.say(ok("fine"))
			p.next()
			asked.Add(1)
			p.say(begun)
		})
		rt := newTransport(t)
		get(t, rt, request(t, "GET", s.url, ""))
		if got := get(t, rt, request(t, "GET", s.url, body)); got != "unexpected EOF" || asked.Load() != 1 {
			t.Errorf("%q, asked %d times", got, asked.Load())
		}
	}
}

func TestNoMoreConnectionsAreKeptThanAllowed(t *testing.T) {
	t.Parallel()
	s := serve(t, answering(ok("fine")))
	rt := newTransport(t)
	rt.MaxIdle = 2
	for range 2 {
		bodies := make([]io.ReadCloser, 4)
		for i := range bodies {
			response, err := rt.RoundTrip(request(t, "GET", s.url, "")) //nolint:bodyclose // below
			if err != nil {
				t.Fatal(err)
			}
			bodies[i] = response.Body
		}
		for _, b := range bodies {
			_, _ = io.Copy(io.Discard, b)
			_ = b.Close()
		}
	}
	if n := s.conns.Load(); n != 4+2 {
		t.Errorf("%d connections", n)
	}
}

func TestAConnectionThatTheServerHasClosedIsNotUsed(t *testing.T) {
	t.Parallel()
	closed := make(chan bool)
	s := serve(t, func(p *peer) {
		p.next()
		p.say(ok("fine"))
		p.Close()
		closed <- true
	})
	rt := newTransport(t)
	for range 5 {
		if got := get(t, rt, request(t, "POST", s.url, "a body")); got != "200 OK fine" {
			t.Error(got)
		}
		<-closed
	}
}

func TestBadAnswersAreErrors(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\n"
	for answer, want := range map[string]string{
		"":                  "unexpected EOF",
		head + "A:":         "unexpected EOF",
		"SSH-2.0-x\r\n\r\n": `malformed HTTP response "SSH-2.0-x"`,
		head + "A: " + strings.Repeat("a", 5_000) + "\r\n\r\n":    "the header of the answer is too large",
		strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1_000): "the header of the answer is too large",
		head + "Content-Length: 10\r\n\r\nshort":                  "unexpected EOF",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n":                "a protocol that it was not asked for",
	} {
		s := serve(t, func(p *peer) {
			p.next()
			p.say(answer)
		})
		if got := get(t, newTransport(t), request(t, "GET", s.url, "")); !strings.HasSuffix(got, want) {
			t.Errorf("%.30q gives %q, not %q", answer, got, want)
		}
	}
}

// Whoever asked can tell an answer that cannot be read from one that has not come.
func TestWhatIsNoAnswerIsMalformed(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\n"
	for answer, want := range map[string]bool{
		"": false, head + "A:": false, head + "Content-Length: 10\r\n\r\nshort": false,
		head + "Transfer-Encoding: chunked\r\n\r\n5\r\nsho": false,
		"nonsense":                            true,
		"HTTP/1.1 OK\r\n\r\n":                 true,
		head + "Content-Length: five\r\n\r\n": true,
		head + "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n": true,
		head + "A: " + strings.Repeat("a", 5_000):               true,
		"HTTP/1.1 101 Switching Protocols\r\n\r\n":              true,
		"HTTP/1.1 " + strings.Repeat("a", 4_000) + "\r\n\r\n":   true,
	} {
		s := serve(t, func(p *peer) {
			p.next()
			p.say(answer)
		})
		response, err := newTransport(t).RoundTrip(request(t, "GET", s.url, ""))
		if err == nil {
			_, err = io.ReadAll(response.Body)
			_ = response.Body.Close()
		}
		if err == nil || errors.Is(err, http1.ErrMalformed) != want || len(err.Error()) > 300 {
			t.Errorf("%.30q gives %v", answer, err)
		}
	}
}

// The limit is of a header, not of what follows.
func TestALongBodyIsNoHeader(t *testing.T) {
	t.Parallel()
	s := serve(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n"+strings.Repeat("a", 50_000)))
	rt := newTransport(t)
	for range 3 {
		if got := get(t, rt, request(t, "GET", s.url, "")); len(got) != len("200 OK ")+50_000 {
			t.Errorf("%.100s", got)
		}
	}
}

func TestInterimAnswersAreTold(t *testing.T) {
	t.Parallel()
	s := serve(t, answering("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"+ok("fine")))
	var told []string
	r := request(t, "GET", s.url, "")
	refuse := false
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			told = append(told, http.StatusText(code), h.Get("Link"))
			if refuse {
				return errors.New("refused")
			}
			return nil
		},
	}))
	rt := newTransport(t)
	if got := get(t, rt, r); got != "200 OK fine" || strings.Join(told, " ") != "Early Hints </a>" {
		t.Error(got, told)
	}
	refuse = true
	if got := get(t, rt, r); got != "refused" {
		t.Error(got)
	}
}

func TestAnUpgradedConnectionIsTheCallers(t *testing.T) {
	t.Parallel()
	s := serve(t, func(p *peer) {
		p.next()
		p.say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ")
		_, _ = io.Copy(p, p.reader)
	})
	r := request(t, "GET", s.url, "")
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"echo"}}
	ctx, cancel := context.WithCancel(t.Context())
	response, err := newTransport(t).RoundTrip(r.WithContext(ctx)) //nolint:bodyclose // both
	if err != nil {
		t.Fatal(err)
	}
	cancel() // it is not the request's any more
	both, ok := response.Body.(io.ReadWriteCloser)
	if !ok || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(response.Status)
	}
	defer both.Close()
	_, _ = io.WriteString(both, "world")
	got := make([]byte, len("hello world"))
	if _, err := io.ReadFull(both, got); err != nil || string(got) != "hello world" {
		t.Errorf("%q %v", got, err)
	}
}

// endless is a body that goes on until it is closed, or fails.
type endless struct {
	sent   atomic.Int64
	closed atomic.Bool
	fail   error
}

func (e *endless) Read(p []byte) (int, error) {
	if e.fail != nil && e.sent.Load() > 10_000 {
		return 0, e.fail
	}
	if e.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	e.sent.Add(int64(len(p)))
	return len(p), nil
}

func (e *endless) Close() error {
	e.closed.Store(true)
	return nil
}

func TestAServerMayAnswerBeforeItHasReadAll(t *testing.T) {
	t.Parallel()
	s := serve(t, func(p *peer) {
		if p.number > 1 {
			answering(ok("fine"))(p)
			return
		}
		_, _ = http.ReadRequest(p.reader)
		p.say("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nmuch")
		_, _ = io.Copy(io.Discard, p.reader)
	})
	rt := newTransport(t)
	r := request(t, "POST", s.url, "")
	body := &endless{}
	r.Body, r.ContentLength = body, -1
	if got := get(t, rt, r); got != "413 Too Large much" {
		t.Error(got)
	}
	soon(t, "the body is closed", body.closed.Load)
	if got := get(t, rt, request(t, "POST", s.url, "b")); got != "200 OK fine" || s.conns.Load() != 2 {
		t.Error(got, s.conns.Load())
	}
}

func TestABodyThatFailsEndsItsRequest(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s := serve(t, func(p *peer) {
		_, err := io.Copy(io.Discard, p.reader)
		ended <- err
	})
	r := request(t, "POST", s.url, "")
	body := &endless{fail: errors.New("no more")}
	r.Body, r.ContentLength = body, -1
	if got := get(t, newTransport(t), r); got != "no more" || !body.closed.Load() {
		t.Error(got, body.closed.Load())
	}
	<-ended
}

func TestAHeaderHasItsTime(t *testing.T) {
	t.Parallel()
	s := serve(t, func(p *peer) {
		for r, ok := p.next(); ok; r, ok = p.next() {
			switch r.URL.Path {
			case "/never":
				<-t.Context().Done()
			case "/slow-body":
				p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfi")
				time.Sleep(300 * time.Millisecond)
				p.say("ne")
			}
		}
	})
	rt := newTransport(t)
	rt.HeaderTime = 100 * time.Millisecond
	early := serve(t, func(p *peer) { // the request is written once its answer has begun
		_, _ = http.ReadRequest(p.reader)
		p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfi")
		_, _ = io.Copy(io.Discard, io.LimitReader(p.reader, 10<<20))
		time.Sleep(300 * time.Millisecond)
		p.say("ne")
	})
	if got := get(t, rt, request(t, "PUT", early.url, strings.Repeat("a", 20<<20))); got != "200 OK fine" {
		t.Error(got)
	}
	for _, body := range []string{"", "a body"} {
		if got := get(t, rt, request(t, "PUT", s.url+"/slow-body", body)); got != "200 OK fine" {
			t.Error(got)
		}
		_, err := rt.RoundTrip(request(t, "PUT", s.url+"/never", body)) //nolint:bodyclose // there is none
		timeout := net.Error(nil)
		if !errors.As(err, &timeout) || !timeout.Timeout() || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with body %q: %v", body, err)
		}
	}
}

func TestTheEndOfItsContextEndsARequest(t *testing.T) {
	t.Parallel()
	gone := make(chan bool, 1)
	s := serve(t, func(p *peer) {
		r, _ := p.next()
		if r.URL.Path == "/body" {
			p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfi")
		}
		_, ok := p.next()
		gone <- !ok
	})
	rt := newTransport(t)
	for _, path := range []string{"/header", "/body"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		got := get(t, rt, request(t, "GET", s.url+path, "").WithContext(ctx))
		if got != context.DeadlineExceeded.Error() || !<-gone {
			t.Error(path, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := get(t, rt, request(t, "GET", s.url, "").WithContext(ctx)); !strings.Contains(got, "cancel") {
		t.Error(got)
	}
}

func TestCloseEndsARead(t *testing.T) {
	t.Parallel()
	gone := make(chan bool)
	s := serve(t, func(p *peer) {
		p.next()
		p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfi")
		_, ok := p.next()
		gone <- !ok
	})
	response, err := newTransport(t).RoundTrip(request(t, "GET", s.url, ""))
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = response.Body.Close() })
	if got, err := io.ReadAll(response.Body); err == nil || string(got) != "fi" || !<-gone {
		t.Errorf("%q %v", got, err)
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*http1.Transport){
		"after their time": func(*http1.Transport) {},
		"when told to":     (*http1.Transport).CloseIdleConnections,
	} {
		var open atomic.Int64
		s := serve(t, func(p *peer) {
			open.Add(1)
			defer open.Add(-1)
			answering(ok("fine"))(p)
		})
		rt := newTransport(t)
		if name == "after their time" {
			rt.IdleTime = 50 * time.Millisecond
		}
		get(t, rt, request(t, "GET", s.url, ""))
		end(rt)
		soon(t, name+": they are closed", func() bool { return open.Load() == 0 })
		get(t, rt, request(t, "GET", s.url, "")) // and others are made
		end(rt)
		soon(t, name+": the next are closed", func() bool { return open.Load() == 0 })
	}
}

// A connection that is in use when all are told to end does so with its request.
func TestARequestOutlivesTheIdle(t *testing.T) {
	t.Parallel()
	s := serve(t, answering(ok("fine")))
	rt := newTransport(t)
	for range 3 {
		response, err := rt.RoundTrip(request(t, "GET", s.url, "")) //nolint:bodyclose // read to its end
		if err != nil {
			t.Fatal(err)
		}
		rt.CloseIdleConnections()
		if got, err := io.ReadAll(response.Body); string(got) != "fine" || err != nil {
			t.Errorf("%q %v", got, err)
		}
	}
	if n := s.conns.Load(); n != 3 {
		t.Errorf("%d connections", n)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[[2]string]string{
		{"http", "a.example"}: "a.example:80", {"https", "a.example"}: "a.example:443",
		{"http", "a.example:8080"}: "a.example:8080", {"https", "[::1]"}: "[::1]:443", {"http", "[::1]:1"}: "[::1]:1",
	} {
		if got := http1.Address(in[0], in[1]); got != want {
			t.Errorf("%v leads to %s, not %s", in, got, want)
		}
	}
}

// drip answers every request in parts that let wait for longer than an answer is expected in.
func drip(p *peer) {
	for r, more := p.next(); more; r, more = p.next() {
		if r.URL.Path == "/at-once" {
			p.say(ok("fine"))
			continue
		}
		for _, part := range []string{"HTTP/1.1 200 OK\r\nContent-", "Length: 4\r\n\r\n", "fi", "ne"} {
			time.Sleep(15 * time.Millisecond)
			p.say(part)
		}
	}
}

// hesitating is a body that takes longer to come than an answer is expected in.
type hesitating struct{ io.ReadCloser }

func (h hesitating) Read(p []byte) (int, error) {
	time.Sleep(15 * time.Millisecond)
	return h.ReadCloser.Read(p)
}

func TestAnswersMayTakeTheirTime(t *testing.T) {
	t.Parallel()
	s := serve(t, drip)
	rt := newTransport(t)
	rt.HeaderTime = 5 * time.Second
	for _, to := range [][2]string{{"/", ""}, {"/", ""}, {"/at-once", ""}, {"/", "a body"}, {"/", ""}} {
		time.Sleep(15 * time.Millisecond) // whatever time the request before has left behind is over
		r := request(t, "PUT", s.url+to[0], to[1])
		if to[1] != "" {
			r.Body = hesitating{r.Body}
		}
		if got := get(t, rt, r); got != "200 OK fine" {
			t.Error(to, got)
		}
	}
	if n := s.conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestTheEndOfItsContextEndsARequestThatFindsNoRoom(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{"the first": "", "after a body": strings.Repeat("x", 8<<20)} {
		done := make(chan struct{})
		s := serve(t, func(p *peer) {
			if before != "" { // it answers without having read all
				_, _ = http.ReadRequest(p.reader)
				p.say(ok("fine"))
			}
			<-done
		})
		rt := newTransport(t)
		dial := rt.Dial
		rt.Dial = func(ctx context.Context, scheme, address string) (net.Conn, error) {
			return dial(context.WithoutCancel(ctx), scheme, address) // it is not dialing that ends
		}
		if before != "" {
			_ = get(t, rt, request(t, "POST", s.url, before))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		r := request(t, "GET", s.url, "").WithContext(ctx)
		r.Header.Set("X-Long", strings.Repeat("x", 8<<20))
		if got := get(t, rt, r); got != context.DeadlineExceeded.Error() {
			t.Errorf("%s: %s", name, got)
		}
		cancel()
		close(done)
	}
}
