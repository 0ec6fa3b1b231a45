package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/internal/porttest"
)

// hasty answers at once, and reads on.
func hasty(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge")
		_, _ = io.Copy(io.Discard, c)
	}))
	t.Cleanup(s.Close)
	return s
}

// Whoever still sends gets an answer that does not wait for it, and nothing after that.
func TestAnAnswerDoesNotWaitForABodyThatStillComes(t *testing.T) {
	t.Parallel()
	early := hasty(t)
	b := setup(t, `
upstreams: {early: {urls: ["{early}"]}, away: {urls: ["http://`+porttest.Free(t)+`"]}}
routes:
  - {match: {path: /away}, proxy: away}
  - {match: {path: /compressed}, proxy: early, compress: {least: 1B}}
  - {match: {path: /held}, proxy: early, transform: {response: {body: {remove: [/a]}}}}
  - {match: {path: /cached}, proxy: early, cache: {}}
  - {match: {path: /**}, proxy: early}
`, map[string]*httptest.Server{"early": early})
	for path, code := range map[string]int{
		"/": 413, "/away": 503, "/compressed": 413, "/held": 413, "/cached": 413,
	} {
		for name, send := range map[string]string{
			"a length": "Content-Length: 500000\r\n\r\nhi", "chunks": "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n9",
			"nothing of it":             "Content-Length: 500000\r\n\r\n",
			"one that is ready to send": "Expect: 100-continue\r\nContent-Length: 500000\r\n\r\n",
		} {
			t.Run(path+" "+name, func(t *testing.T) {
				t.Parallel()
				c := b.dial(t)
				c.SetDeadline(time.Now().Add(10 * time.Second)) // of a minute that a body has
				fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n%s", path, send)
				in := bufio.NewReader(c)
				got, err := http.ReadResponse(in, nil)
				if err == nil && got.StatusCode == http.StatusContinue {
					got, err = http.ReadResponse(in, nil)
				}
				if err != nil {
					t.Fatal(err)
				}
				defer got.Body.Close()
				body, err := io.ReadAll(got.Body)
				if err != nil || got.StatusCode != code || !got.Close {
					t.Errorf("%s %q %v %v", got.Status, body, got.Header, err)
				}
				if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
					t.Errorf("then comes %q, %v, and not the end", rest, err)
				}
			})
		}
	}
	t.Run("over HTTP/2", func(t *testing.T) {
		t.Parallel()
		rt := http2Only()
		rt.DisableKeepAlives = false
		t.Cleanup(rt.CloseIdleConnections)
		for path, code := range map[string]int{"/": 413, "/away": 503} {
			body, still := io.Pipe()
			defer still.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+path, body)
			if err != nil {
				t.Fatal(err)
			}
			go io.WriteString(still, "hi")
			got, err := rt.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(got.Body); err != nil || got.StatusCode != code {
				t.Error(path, got.Status, err)
			}
			got.Body.Close()
		}
	})
}

// An upstream may answer before it has all, and read on: neither way ends the other.
func TestABodyAndItsAnswerPassAtTheSameTime(t *testing.T) {
	t.Parallel()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		_ = control.Flush()
		for in := bufio.NewReader(r.Body); ; _ = control.Flush() {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(w, strings.ToUpper(line))
		}
	}))
	t.Cleanup(up.Close)
	b := setup(t, "upstreams: {one: {urls: ['{one}']}}\nroutes: [{proxy: one}]", map[string]*httptest.Server{"one": up})
	c := b.dial(t)
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+pad("first"))
	got, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	in := bufio.NewReader(got.Body)
	for i, word := range []string{"first", "second", "third"} {
		if i > 0 {
			fmt.Fprint(c, pad(word))
		}
		line, err := in.ReadString('\n')
		if err != nil || strings.TrimSpace(line) != strings.ToUpper(word) {
			t.Fatalf("%q %v", line, err)
		}
	}
	fmt.Fprint(c, "0\r\n\r\n")
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		t.Errorf("%q %v", rest, err)
	}
}

// pad makes a chunk of a line that fills the buffers on its way.
func pad(word string) string {
	line := word + strings.Repeat(" ", 8<<10) + "\n"
	return fmt.Sprintf("%x\r\n%s\r\n", len(line), line)
}
