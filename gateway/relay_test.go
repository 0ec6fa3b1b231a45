package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
)

const relayed = `
upstreams: {one: {urls: ["{one}"]}}
routes: [{proxy: one, cors: {origins: [https://a.example]}}]
`

// playing is an upstream that says something for itself, by HTTP/1.1, and closes.
func playing(t *testing.T, answer string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { saying(t, w, answer) }))
	t.Cleanup(s.Close)
	return s
}

// saying answers in so many words, and closes the connection.
func saying(t *testing.T, w http.ResponseWriter, answer string) {
	t.Helper()
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	_, _ = io.WriteString(c, answer)
}

func TestHeadersOfAnUpstreamsConnectionStayThere(t *testing.T) {
	t.Parallel()
	b := setup(t, relayed, map[string]*httptest.Server{"one": playing(t, "HTTP/1.1 200 OK\r\n"+
		"Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n"+
		"Upgrade: h2c\r\nX-End: 1\r\nVary: Accept\r\nContent-Length: 4\r\n\r\nfine")})
	got := b.do(t, "GET /", "Origin: https://a.example")
	for _, name := range []string{"X-Hop", "Keep-Alive", "Proxy-Authenticate", "Upgrade"} {
		if got.Header[name] != nil {
			t.Errorf("%s: %s came through", name, got.Header[name])
		}
	}
	// What it says is added to what the gateway says.
	vary := strings.Join(got.Header["Vary"], ", ")
	if got.Header.Get("X-End") != "1" || vary != "Accept, Origin" || got.body != "fine" {
		t.Error(got.Header, got.body)
	}
}

func TestTrailersPass(t *testing.T) {
	t.Parallel()
	for name, announced := range map[string]bool{"announced": true, "not announced": false} {
		up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			sum := http.TrailerPrefix + "X-Sum"
			if announced {
				sum = "X-Sum"
				w.Header().Set("Trailer", sum)
			}
			_, _ = io.WriteString(w, "fine")
			_ = http.NewResponseController(w).Flush()
			w.Header().Set(sum, "42")
		}))
		t.Cleanup(up.Close)
		b := setup(t, relayed, map[string]*httptest.Server{"one": up})
		for _, rt := range []http.RoundTripper{&http.Transport{DisableKeepAlives: true}, http2Only()} {
			if got := b.over(t, rt, "GET /"); got.body != "fine" || got.Trailer.Get("X-Sum") != "42" {
				t.Errorf("%s, over %s: %q %v", name, got.Proto, got.body, got.Trailer)
			}
		}
	}
}

func TestInterimAnswersPassAndLeaveTheAnswerAsItIs(t *testing.T) {
	t.Parallel()
	b := setup(t, relayed, map[string]*httptest.Server{"one": playing(t,
		"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n"+
			"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://a.example")
	var told []string
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			told = append(told, fmt.Sprint(code, h["Link"]))
			return nil
		},
	}))
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := strings.Join(told, " "); got != "103 [</a>] 103 [</b>]" {
		t.Error(got)
	}
	if h := response.Header; h["Link"] != nil || h.Get("Access-Control-Allow-Origin") != "https://a.example" {
		t.Error(h)
	}
}

// A client is told once what a second attempt finds, too.
func TestARepeatedAttemptTellsNoInterimAnswerAgain(t *testing.T) {
	t.Parallel()
	const hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	var asked atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer := hint + "HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n"
		if asked.Add(1) == 3 {
			answer = hint + strings.Replace(hint, "/a", "/b", 1) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
		}
		saying(t, w, answer)
	}))
	t.Cleanup(up.Close)
	b := setup(t, relayed, map[string]*httptest.Server{"one": up})
	c := b.dial(t)
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	got, err := io.ReadAll(c)
	if err != nil || asked.Load() != 3 || strings.Count(string(got), "</a>") != 1 ||
		strings.Count(string(got), "</b>") != 1 || !strings.HasSuffix(string(got), "fine") {
		t.Errorf("asked %d times: %s %v", asked.Load(), got, err)
	}
}

// A client must see that an answer is not whole.
func TestAnAnswerThatBreaksOffDoesSoForTheClient(t *testing.T) {
	t.Parallel()
	for _, framing := range []string{
		"Content-Length: 100\r\n\r\nshort", "Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
		"Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nnonsense\r\n",
	} {
		b := setup(t, relayed, map[string]*httptest.Server{"one": playing(t, "HTTP/1.1 200 OK\r\n"+framing)})
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(b.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			continue // nothing of so short an answer has left
		}
		defer response.Body.Close()
		if got, err := io.ReadAll(response.Body); err == nil {
			t.Errorf("%q came whole", got)
		}
	}
}

func TestNoAgentIsMadeUp(t *testing.T) {
	t.Parallel()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", r.Header["User-Agent"])
	}))
	t.Cleanup(up.Close)
	b := setup(t, relayed, map[string]*httptest.Server{"one": up})
	c := b.dial(t)
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if got, _ := io.ReadAll(c); !strings.HasSuffix(string(got), "\r\n\r\n[]") {
		t.Errorf("%q", got)
	}
}

// Before HTTP/1.1 what is no answer yet would be taken for it.
func TestAnOldClientGetsNoInterimAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, relayed, map[string]*httptest.Server{"one": playing(t,
		"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")})
	for _, asks := range []string{"", "Connection: Upgrade\r\nUpgrade: websocket\r\n"} {
		c := b.dial(t)
		fmt.Fprint(c, "GET / HTTP/1.0\r\nHost: x\r\n"+asks+"\r\n")
		if got, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(got), "HTTP/1.0 200 OK") {
			t.Errorf("%s: %s %v", asks, got, err)
		}
	}
}

func TestAnUpstreamsTrailersAreNoHeaders(t *testing.T) {
	t.Parallel()
	for _, announced := range []string{"", "Trailer: X-Sum, Set-Cookie, Host\r\n"} {
		b := setup(t, relayed, map[string]*httptest.Server{"one": playing(t, "HTTP/1.1 200 OK\r\n"+announced+
			"Transfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\nX-Sum: 42\r\nSet-Cookie: evil=1\r\nHost: evil\r\n"+
			"Connection: close\r\nUpgrade: h2c\r\nContent-Type: text/html\r\n\r\n")})
		if got := b.do(t, "GET /"); len(got.Trailer) != 1 || got.Trailer.Get("X-Sum") != "42" {
			t.Errorf("%q: %v", announced, got.Trailer)
		}
	}
}

// An upstream must not answer as if the gateway had.
func TestAnUpstreamCannotSetTheGatewaysMarks(t *testing.T) {
	t.Parallel()
	b := setup(t, "upstreams: {one: {urls: ['{one}']}}\n"+
		"routes: [{proxy: one, headers: {response: {remove: [Server], set: {X-Frame-Options: DENY}}}}]",
		map[string]*httptest.Server{"one": playing(t, "HTTP/1.1 200 OK\r\nKerf-Failed: x\r\nKerf-Changed: x\r\n"+
			"Server: Apache\r\nContent-Length: 4\r\n\r\nfine")})
	h := b.do(t, "GET /").Header
	if h["Server"] != nil || h["Kerf-Failed"] != nil || h["Kerf-Changed"] != nil || h.Get("X-Frame-Options") != "DENY" {
		t.Error(h)
	}
}
