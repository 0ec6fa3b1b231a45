package gateway_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A client learns that an answer could not be read, and neither what was in it nor where it came from.
func TestAnAnswerThatCannotBeReadIsBadGateway(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"no HTTP":            "nonsense\r\n\r\n",
		"no status":          "HTTP/1.1 fine\r\n\r\n",
		"a status below 100": "HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok",
		"no header":          "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
		"no length":          "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
		"an unknown coding":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: nonsense\r\n\r\n",
		"a header too large": "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 300<<10) + "\r\n\r\n",
		"another protocol":   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: nonsense\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			up := playing(t, answer)
			play := up.Config.Handler
			up.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				play.ServeHTTP(w, r)
			})
			b, lines := logged(t, fmt.Sprintf(`
upstreams: {one: {urls: [%q], policies: {breaker: {calls: 4, open: 1m}}}}
routes: [{match: {path: /merged}, merge: {parts: {a: {proxy: one, get: /a}}}}, {proxy: one}]
`, up.URL))
			for _, request := range []string{"POST /", "GET /", "GET /merged", "DELETE /"} {
				got := b.do(t, request)
				if got.StatusCode != http.StatusBadGateway || !strings.Contains(got.body, "answer cannot be read") ||
					strings.Contains(got.body, "127.0.0.1") || strings.Contains(got.body, "nonsense") {
					t.Errorf("%s: %s %s", request, got.Status, got.body)
				}
			}
			if n := asked.Load(); n != 4 {
				t.Errorf("four requests became %d", n)
			}
			if got := b.do(t, "GET /"); got.StatusCode != http.StatusServiceUnavailable || asked.Load() != 4 {
				t.Errorf("the breaker has not opened: %s", got.Status)
			}
			b.stop()
			if l := lines(); !strings.Contains(l[0].Error, "http1: the answer cannot be read") {
				t.Errorf("%+v", l[0])
			}
		})
	}
}

// The head of an answer that is looked at whole has not left when the body turns out to be wrong.
func TestAnAnswerThatBreaksOffWhileItIsHeldIsBadGateway(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for _, answer := range []string{
		"Transfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\nnonsense\r\n", "Content-Length: 100\r\n\r\n{",
	} {
		b := setup(t, "upstreams: {one: {urls: ['{one}']}}\n"+
			"routes: [{proxy: one, transform: {response: {body: {wrap: data}}}}]",
			map[string]*httptest.Server{"one": playing(t, head+answer)})
		if got := b.do(t, "GET /"); got.StatusCode != http.StatusBadGateway {
			t.Errorf("%q: %s %q", answer, got.Status, got.body)
		}
	}
}

func TestAnAnswerOverHTTP2ThatCannotBeReadIsBadGateway(t *testing.T) {
	t.Parallel()
	for name, field := range map[string]hpack.HeaderField{
		"no status": {Name: "a", Value: "b"}, "a status below 100": {Name: ":status", Value: "099"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewUnstartedServer(nil)
			s.EnableHTTP2 = true
			s.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
				"h2": func(_ *http.Server, c *tls.Conn, _ http.Handler) { heading(c, field) },
			}
			s.StartTLS()
			t.Cleanup(s.Close)
			b := setup(t, "upstreams: {one: {urls: ['{one}'], roots: "+rootsOf(t, s)+"}}\nroutes: [{proxy: one}]",
				map[string]*httptest.Server{"one": s})
			got := b.do(t, "POST /", "Body: a")
			if got.StatusCode != http.StatusBadGateway || !strings.Contains(got.body, "answer cannot be read") {
				t.Error(got.Status, got.body)
			}
		})
	}
}

// heading answers requests with one field.
func heading(c io.ReadWriter, field hpack.HeaderField) {
	if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(c, c)
	_ = f.WriteSettings()
	for {
		got, err := f.ReadFrame()
		if err != nil {
			return
		}
		if h, ok := got.(*http2.HeadersFrame); ok {
			var block bytes.Buffer
			_ = hpack.NewEncoder(&block).WriteField(field)
			_ = f.WriteHeaders(http2.HeadersFrameParam{
				StreamID: h.StreamID, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true,
			})
		}
	}
}
