package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/kerf-go/kerf/plan"
)

const streaming = `
limits: {idle_time: 500ms, body_time: 500ms, drain_time: 1s}
upstreams: {one: {urls: ["{one}"]}}
routes: [{match: {path: /**}, proxy: one}]
`

// streams is an upstream that streams: /socket says what it hears, /events tells each line
// that it is handed, and /echo answers while it is asked.
func streams(t *testing.T, events <-chan string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Inner", "1")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer conn.CloseNow()
		for {
			kind, text, err := conn.Read(r.Context())
			if err != nil || conn.Write(r.Context(), kind, text) != nil {
				return
			}
		}
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		flusher := http.NewResponseController(w)
		for {
			flusher.Flush()
			select {
			case <-r.Context().Done():
				return
			case e := <-events:
				fmt.Fprintf(w, "data: %s\n\n", e)
			}
		}
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		flusher := http.NewResponseController(w)
		flusher.EnableFullDuplex()
		flusher.Flush()
		in := bufio.NewReader(r.Body)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(w, line)
			flusher.Flush()
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (b *bundle) socket(t *testing.T) *websocket.Conn {
	t.Helper()
	conn, response, err := websocket.Dial(t.Context(), b.url+"/socket", nil) //nolint:bodyclose // conn has it
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(response.Status)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

func say(t *testing.T, conn *websocket.Conn, text string) {
	t.Helper()
	if err := conn.Write(t.Context(), websocket.MessageBinary, []byte(text)); err != nil {
		t.Fatal(err)
	}
	if _, heard, err := conn.Read(t.Context()); err != nil || string(heard) != text {
		t.Fatalf("%d bytes, %v, and not the %d that were said", len(heard), err, len(text))
	}
}

func (b *bundle) events(t *testing.T) *bufio.Reader {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return bufio.NewReader(response.Body)
}

func tellEvent(t *testing.T, from *bufio.Reader, events chan<- string, text string) {
	t.Helper()
	events <- text
	line, err := from.ReadString('\n')
	if err != nil || line != "data: "+text+"\n" {
		t.Fatalf("%q, %v, and not %q", line, err, text)
	}
	from.ReadString('\n')
}

// reload takes the upstream away, and answers by the gateway itself.
func (b *bundle) reload(t *testing.T) {
	t.Helper()
	d, err := plan.ReadDocument("gateway.yaml", []byte("routes: [{answer: {body: new}}]\n"))
	if err == nil {
		err = b.Reload(d)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := b.do(t, "GET /socket"); got.body != "new" {
		t.Fatalf("after the reload: %q", got.body)
	}
}

func TestStreamsPassAsTheyComeAndSurviveAReload(t *testing.T) {
	t.Parallel()
	events := make(chan string)
	b := setup(t, streaming, map[string]*httptest.Server{"one": streams(t, events)})
	conn, stream := b.socket(t), b.events(t)
	say(t, conn, "hello")
	every := make([]byte, 20_000) // byte there is: none of it is HTTP any more
	for i := range every {
		every[i] = byte(i)
	}
	say(t, conn, string(every))
	tellEvent(t, stream, events, "one")
	tellEvent(t, stream, events, "two")
	b.reload(t)
	say(t, conn, "still here")
	tellEvent(t, stream, events, "three")
	time.Sleep(600 * time.Millisecond) // more than the limits are
	say(t, conn, "after a silence")
	tellEvent(t, stream, events, "four")
}

func TestAHandshakeIsAnAnswerLikeAnyOther(t *testing.T) {
	t.Parallel()
	up := streams(t, nil)
	b, lines := logged(t, fmt.Sprintf(`
upstreams: {one: {urls: [%q]}}
rates: {few: {requests: 1, per: 1h}}
routes:
  - proxy: one
    rate: [few]
    cache: {ttl: 1m}
    compress: {}
    validate: {response: {schema: %q}}
    cors: {origins: ["https://app.example"], credentials: true}
    headers: {response: {remove: [X-Inner], set: {X-Frame-Options: DENY}}}
    transform: {response: {body: {remove: [/a]}}}
`, up.URL, write(t, "a.json", "{}")))
	conn, got, err := websocket.Dial(t.Context(), b.url+"/socket", &websocket.DialOptions{ //nolint:bodyclose // conn's
		HTTPHeader: http.Header{"Origin": {"https://app.example"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	say(t, conn, "hello")
	for name, want := range map[string]string{
		"X-Frame-Options": "DENY", "X-Inner": "", "Ratelimit": `"few";r=0;t=3600`, "Connection": "Upgrade",
		"Upgrade": "websocket", "Access-Control-Allow-Origin": "https://app.example", "Vary": "Origin",
		"Access-Control-Allow-Credentials": "true",
	} {
		if have := got.Header.Get(name); have != want {
			t.Errorf("%s: %q, and not %q", name, have, want)
		}
	}
	if got.Header.Get("Sec-WebSocket-Accept") == "" || got.Header["Kerf-Changed"] != nil {
		t.Errorf("%v", got.Header)
	}
	conn.CloseNow()
	if l := settled(lines, 1); len(l) != 1 || l[0].Status != http.StatusSwitchingProtocols || l[0].Error != "" {
		t.Errorf("%+v", l)
	}
}

func TestTheTimeoutOfARouteEndsItsStreams(t *testing.T) {
	t.Parallel()
	config := strings.Replace(streaming, "proxy: one}", "proxy: one, timeout: 200ms}", 1)
	b := setup(t, config, map[string]*httptest.Server{"one": streams(t, nil)})
	conn, stream := b.socket(t), b.events(t)
	say(t, conn, "hello")
	if _, _, err := conn.Read(t.Context()); err == nil {
		t.Error("the socket says more")
	}
	if _, err := io.ReadAll(stream); err == nil {
		t.Error("the events end as if they were whole")
	}
}

func TestStreamsInBothDirectionsPassAsTheyCome(t *testing.T) {
	t.Parallel()
	b := setup(t, streaming, map[string]*httptest.Server{"one": streams(t, nil)})
	body, lines := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/echo", body)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http2Only().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	in := bufio.NewReader(response.Body)
	for i := range 3 {
		text := fmt.Sprintf("line %d\n", i)
		io.WriteString(lines, text)
		if got, err := in.ReadString('\n'); err != nil || got != text {
			t.Fatalf("%q, %v", got, err)
		}
	}
	lines.Close()
	if _, err := in.ReadByte(); err != io.EOF {
		t.Error(err)
	}
}

func TestStreamsEndOnShutdownWithinTheDrainTime(t *testing.T) {
	t.Parallel()
	events := make(chan string)
	b := setup(t, streaming, map[string]*httptest.Server{"one": streams(t, events)})
	conn, stream := b.socket(t), b.events(t)
	say(t, conn, "hello")
	b.stop()
	began := time.Now()
	for end := began.Add(10 * time.Second); ; { // until nobody listens there
		other, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
		if err != nil {
			break
		}
		other.Close()
		if time.Now().After(end) {
			t.Fatal("the gateway still listens")
		}
	}
	say(t, conn, "it drains")
	tellEvent(t, stream, events, "so it does")
	if _, _, err := conn.Read(t.Context()); err == nil {
		t.Error("the socket says more")
	}
	if _, err := io.ReadAll(stream); err == nil {
		t.Error("the events end as if they were whole")
	}
	if took := time.Since(began); took < 500*time.Millisecond || took > 5*time.Second {
		t.Errorf("the drain time of 1s took %s", took)
	}
}

func TestTheDrainEndsWhenTheLastStreamDoes(t *testing.T) {
	t.Parallel()
	b := setup(t, strings.Replace(streaming, "drain_time: 1s", "drain_time: 5m", 1),
		map[string]*httptest.Server{"one": streams(t, nil)})
	conn := b.socket(t)
	say(t, conn, "hello")
	b.stop()
	if err := conn.Close(websocket.StatusNormalClosure, "done"); err != nil {
		t.Error(err)
	}
	// setup waits for the server, and the test's time would be over before the drain's.
}

// Over HTTP/2 nothing can be upgraded so.
func TestASocketPassesToAnUpstreamThatSpeaksHTTP2(t *testing.T) {
	t.Parallel()
	up := httptest.NewUnstartedServer(streams(t, nil).Config.Handler)
	up.EnableHTTP2 = true
	up.StartTLS()
	t.Cleanup(up.Close)
	b := setup(t, "upstreams: {one: {urls: ['{one}'], roots: "+rootsOf(t, up)+"}}\nroutes: [{proxy: one}]",
		map[string]*httptest.Server{"one": up})
	for range 2 { // since it is known then what it speaks
		b.do(t, "GET /nothing")
		conn := b.socket(t)
		say(t, conn, "hello")
		conn.CloseNow()
	}
}
