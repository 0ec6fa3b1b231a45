package http1_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kerf-go/kerf/gateway/http1"
)

// server is one that a test plays.
type server struct {
	url   string
	conns atomic.Int64
}

// serve gives each connection to play, with its number from 1, and closes it then.
func serve(t *testing.T, play func(c *peer)) *server {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	s := &server{url: "http://" + listener.Addr().String()}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			p := &peer{Conn: c, reader: bufio.NewReader(c), number: int(s.conns.Add(1))}
			go func() {
				defer p.Close()
				play(p)
			}()
		}
	}()
	return s
}

// peer is the server's side of a connection.
type peer struct {
	net.Conn
	reader *bufio.Reader
	number int
}

// next reads a request whole; false: there is none.
func (p *peer) next() (*http.Request, bool) {
	r, err := http.ReadRequest(p.reader)
	if err != nil {
		return nil, false
	}
	_, err = io.Copy(io.Discard, r.Body)
	return r, err == nil
}

func (p *peer) say(s string) { _, _ = io.WriteString(p, s) }

// answering answers every request with the same.
func answering(answer string) func(*peer) {
	return func(p *peer) {
		for _, ok := p.next(); ok; _, ok = p.next() {
			p.say(answer)
		}
	}
}

func ok(body string) string {
	return "HTTP/1.1 200 OK\r\nContent-Length: " + string(rune('0'+len(body))) + "\r\n\r\n" + body
}

// newTransport makes one that a test may change before its first request.
func newTransport(t *testing.T) *http1.Transport {
	t.Helper()
	rt := &http1.Transport{MaxIdle: 8, MaxHeaderSize: 4 << 10}
	rt.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	t.Cleanup(rt.CloseIdleConnections)
	return rt
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, from)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// get makes a request, and gives status and body of its answer, or what went wrong.
func get(t *testing.T, rt http.RoundTripper, r *http.Request) string {
	t.Helper()
	response, err := rt.RoundTrip(r)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return response.Status + " " + string(body)
}

// soon waits for what must become true.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 1000 {
		if is() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("not within 5 s: " + what)
}
