package gateway_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const limited = `
limits: {header: 8192, body: 100000, header_time: 200ms, body_time: 200ms, idle_time: 300ms, streams: 3}
upstreams: {one: {urls: ["{one}"]}}
routes:
  - {match: {path: /answer}, answer: {body: hello}}
  - {match: {path: /patient/**}, proxy: one, limits: {body: -1, body_time: -1s}}
  - {match: {path: /**}, proxy: one}
`

// reader is an upstream that reads the whole body.
func reader(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	}))
	t.Cleanup(s.Close)
	return s
}

func (b *bundle) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

func TestSlowClientsAreGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t, limited, map[string]*httptest.Server{"one": reader(t)})
	const post = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhi"
	for name, test := range map[string]struct{ send, want string }{
		"nothing comes":                                {"", ""},
		"a head does not come whole":                   {"GET /a HTTP/1.1\r\nHost: x\r\n", ""},
		"a second head does not come whole":            {"GET /answer HTTP/1.1\r\nHost: x\r\n\r\nGET /a HT", "hello"},
		"no second head comes":                         {"GET /answer HTTP/1.1\r\nHost: x\r\n\r\n", "hello"},
		"a body does not come whole":                   {post, "HTTP/1.1 408 "},
		"a body that is not read does not come whole":  {strings.Replace(post, "/a", "/answer", 1), "hello"},
		"a body that nobody takes does not come whole": {strings.Replace(post, "/a", "//", 1), "HTTP/1.1 400 "},
		"a chunk does not come whole": {
			"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi", "HTTP/1.1 408 ",
		},
		"a preface does not come whole": {http2.ClientPreface[:20], ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := b.dial(t)
			if _, err := io.WriteString(conn, test.send); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(conn)
			if err != nil || !strings.Contains(string(got), test.want) || test.want == "" && len(got) > 0 {
				t.Errorf("%q, %v, and not %q and the end", got, err, test.want)
			}
		})
	}
	t.Run("where the route has no limit they are waited for", func(t *testing.T) {
		t.Parallel()
		conn := b.dial(t)
		fmt.Fprint(conn, strings.Replace(post, "/a", "/patient/a", 1))
		one := make([]byte, 1)
		conn.SetReadDeadline(time.Now().Add(time.Second)) // five times the gateway's
		if _, err := conn.Read(one); isEnd(err) || err == nil {
			t.Fatalf("%q, %v", one, err)
		}
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprint(conn, "7 more.")
		whole := make([]byte, len("HTTP/1.1 200 OK"))
		if _, err := io.ReadFull(conn, whole); err != nil || string(whole) != "HTTP/1.1 200 OK" {
			t.Errorf("%q, %v", whole, err)
		}
	})
}

func TestAClientThatWasRefusedIsNotHeardForLong(t *testing.T) {
	t.Parallel()
	b := setup(t, "routes: [{answer: {}}]\n", nil)
	conn := b.dial(t)
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
	if got, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 400 ") {
		t.Fatalf("%q, %v", got, err)
	}
	for end := time.Now().Add(5 * time.Second); ; { // of 10 that a head has
		if _, err := io.WriteString(conn, "x"); err != nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal("it still may send")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// h2 is a client of HTTP/2 that does as it is told.
type h2 struct {
	*http2.Framer
	conn net.Conn
	next uint32
}

func (b *bundle) h2(t *testing.T) *h2 {
	t.Helper()
	conn := b.dial(t)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	c := &h2{http2.NewFramer(conn, conn), conn, 1}
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := errors.Join(c.WriteSettings(), c.WriteSettingsAck()); err != nil {
		t.Fatal(err)
	}
	return c
}

// open begins a stream, and tells its number.
func (c *h2) open(method, path string, endHeaders, endStream bool, headers ...[2]string) (uint32, error) {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	pseudo := [][2]string{{":method", method}, {":path", path}, {":scheme", "http"}, {":authority", "x"}}
	for _, f := range append(pseudo, headers...) {
		e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	id := c.next
	c.next += 2
	return id, c.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: block.Bytes(), EndHeaders: endHeaders, EndStream: endStream,
	})
}

// until reads frames until one is what is looked for, or the connection ends.
func (c *h2) until(found func(http2.Frame) bool) error {
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return err
		}
		if found(f) {
			return nil
		}
	}
}

func answered(id uint32, code string) func(http2.Frame) bool {
	return func(f http2.Frame) bool {
		h, ok := f.(*http2.MetaHeadersFrame)
		return ok && h.StreamID == id && h.PseudoValue("status") == code
	}
}

func TestSlowClientsOfHTTP2AreGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t, limited, map[string]*httptest.Server{"one": reader(t)})
	ended := func(http2.Frame) bool { return false }
	t.Run("no headers come", func(t *testing.T) {
		t.Parallel()
		if err := b.h2(t).until(ended); !isEnd(err) {
			t.Error(err)
		}
	})
	t.Run("headers do not come whole", func(t *testing.T) {
		t.Parallel()
		c := b.h2(t)
		if _, err := c.open("GET", "/answer", false, true); err != nil {
			t.Fatal(err)
		}
		if err := c.until(ended); !isEnd(err) {
			t.Error(err)
		}
	})
	t.Run("headers of a second stream do not come whole", func(t *testing.T) {
		t.Parallel()
		c := b.h2(t)
		_, err := c.open("POST", "/patient/a", true, false)
		_, err2 := c.open("GET", "/answer", false, true)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if err := c.until(ended); !isEnd(err) {
			t.Error(err)
		}
	})
	t.Run("a body does not come whole", func(t *testing.T) {
		t.Parallel()
		c := b.h2(t)
		id, err := c.open("POST", "/a", true, false)
		if err := errors.Join(err, c.WriteData(id, false, []byte("hi")), c.until(answered(id, "408"))); err != nil {
			t.Error(err)
		}
	})
	for _, kind := range []string{"text/plain", "application/grpc", "application/connect+proto"} {
		t.Run("a body is too large: "+kind, func(t *testing.T) {
			t.Parallel()
			c := b.h2(t)
			id, err := c.open("POST", "/a", true, false, [2]string{"content-type", kind})
			for range 8 {
				err = errors.Join(err, c.WriteData(id, false, make([]byte, 16000)))
			}
			if err := errors.Join(err, c.until(answered(id, "413"))); err != nil {
				t.Error(err)
			}
		})
	}
}

// isEnd tells of connections that the other end has closed.
func isEnd(err error) bool {
	var slow net.Error
	return err != nil && (!errors.As(err, &slow) || !slow.Timeout())
}

func TestAClientOfHTTP2HasSoManyStreams(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-held }))
	t.Cleanup(up.Close)
	t.Cleanup(func() { close(held) })
	b := setup(t, limited, map[string]*httptest.Server{"one": up})
	c := b.h2(t)
	var last uint32
	for range 4 {
		id, err := c.open("GET", "/a", true, true)
		if err != nil {
			t.Fatal(err)
		}
		last = id
	}
	if err := c.until(func(f http2.Frame) bool {
		r, ok := f.(*http2.RSTStreamFrame)
		return ok && r.StreamID == last
	}); err != nil {
		t.Error(err)
	}
}

func TestAClientThatResetsItsStreamsIsLeft(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-r.Context().Done()
	}))
	t.Cleanup(up.Close)
	b := setup(t, strings.Replace(limited, "streams: 3", "streams: 100", 1), map[string]*httptest.Server{"one": up})
	c := b.h2(t)
	go io.Copy(io.Discard, c.conn)
	const most = 10_000
	began, sent := time.Now(), 0
	var err error
	for ; sent < most && err == nil; sent++ {
		var id uint32
		if id, err = c.open("GET", "/a", true, true); err == nil {
			err = c.WriteRSTStream(id, http2.ErrCodeCancel)
		}
	}
	t.Logf("%d streams were reset within %s, and %d reached the upstream", sent, time.Since(began), asked.Load())
	if err == nil {
		if _, err = c.conn.Read(make([]byte, 1)); !isEnd(err) {
			t.Errorf("the connection is still there after %d resets", sent)
		}
	}
	if n := asked.Load(); n > 2000 {
		t.Errorf("%d of %d requests reached the upstream", n, sent)
	}
	if got := b.do(t, "GET /answer"); got.body != "hello" {
		t.Errorf("others are answered with %s", got.Status)
	}
}

func TestAClientThatTakesItsTimeToResetIsLeftToo(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
		case <-r.Context().Done(): // the connection ended first
		}
		<-r.Context().Done()
	}))
	t.Cleanup(up.Close)
	patient := strings.Replace(limited, "header_time: 200ms", "header_time: 10s", 1) // no ping meanwhile
	b := setup(t, patient, map[string]*httptest.Server{"one": up})
	c := b.h2(t)
	ended := make(chan error, 1)
	go func() { ended <- c.until(func(http2.Frame) bool { return false }) }()
	for n := range 1000 {
		id, err := c.open("GET", "/a", true, true)
		if err != nil {
			return
		}
		select {
		case <-asked: // so it is none of those that net/http has not begun with
			c.WriteRSTStream(id, http2.ErrCodeCancel)
		case err := <-ended:
			if n < 100 || !isEnd(err) {
				t.Errorf("after %d resets: %v", n, err)
			}
			return
		}
	}
	t.Error("the connection is still there after 1000 resets")
}

func TestHeadersOfHTTP2AreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, limited, map[string]*httptest.Server{"one": echo(t, "one")})
	c := b.h2(t)
	id, err := c.open("GET", "/answer", true, true,
		[2]string{"x-one", strings.Repeat("a", 5_000)}, [2]string{"x-two", strings.Repeat("a", 5_000)})
	if err := errors.Join(err, c.until(answered(id, "431"))); err != nil {
		t.Error(err)
	}
}

func TestABodyIsBoundedHoweverItComes(t *testing.T) {
	t.Parallel()
	b := setup(t, limited, map[string]*httptest.Server{"one": reader(t)})
	chunk := func(n int) string { return fmt.Sprintf("%x\r\n%s\r\n", n, strings.Repeat("a", n)) }
	const chunked = "Transfer-Encoding: chunked\r\n\r\n"
	for name, test := range map[string]struct{ send, want string }{
		"as much as is taken":             {"Content-Length: 100000\r\n\r\n" + strings.Repeat("a", 100_000), "200"},
		"as much in chunks":               {chunked + chunk(50_000) + chunk(50_000) + "0\r\n\r\n", "200"},
		"more, of which nothing has come": {"Content-Length: 100001\r\n\r\n", "413"},
		"more in chunks":                  {chunked + chunk(50_000) + chunk(50_001), "413"},
		"more, as a call of gRPC":         {"Content-Type: application/grpc\r\n" + chunked + chunk(100_001), "413"},
		"more, as one of gRPC-Web":        {"Content-Type: application/grpc-web\r\n" + chunked + chunk(100_001), "413"},
		"more, as one of Connect": {
			"Content-Type: application/connect+json\r\n" + chunked + chunk(100_001), "413",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := b.dial(t)
			fmt.Fprint(conn, "POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+test.send)
			if got, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 "+test.want) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestWhatAClientDoesWrongIsNotItsUpstreamsFault(t *testing.T) {
	t.Parallel()
	b := setup(t, limited, map[string]*httptest.Server{"one": reader(t)})
	for range 50 {
		conn := b.dial(t)
		fmt.Fprintf(conn, "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n%s\r\n0\r\n\r\n",
			strings.Repeat("a", 100_001))
		if got, _ := io.ReadAll(conn); !strings.HasPrefix(string(got), "HTTP/1.1 413 ") {
			t.Fatalf("%q", got)
		}
	}
	if got := b.do(t, "GET /a"); got.StatusCode != http.StatusOK {
		t.Error(got.Status, got.body)
	}
}

func TestAClientThatReadsNothingIsGivenUp(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for range 1 << 14 {
			if _, err = w.Write(make([]byte, 64<<10)); err != nil {
				break
			}
		}
		ended <- err
	}))
	t.Cleanup(up.Close)
	b := setup(t, limited, map[string]*httptest.Server{"one": up})
	fmt.Fprint(b.dial(t), "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
	if <-ended == nil {
		t.Error("a gigabyte was written to nobody")
	}
}

// A client of HTTP/2 that lets nothing come on a stream holds up neither its upstream nor the
// gateway for good, though it answers pings.
func TestAClientOfHTTP2WithoutAWindowIsGivenUp(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for range 1 << 14 {
			if _, err = w.Write(make([]byte, 64<<10)); err != nil {
				break
			}
		}
		ended <- err
	}))
	t.Cleanup(up.Close)
	b := setup(t, limited, map[string]*httptest.Server{"one": up})
	c := b.h2(t)
	if err := c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.open("GET", "/a", true, true); err != nil {
		t.Fatal(err)
	}
	c.conn.SetDeadline(time.Now().Add(10 * time.Second))
	if err := c.until(func(f http2.Frame) bool {
		if ping, ok := f.(*http2.PingFrame); ok && !ping.IsAck() {
			c.WritePing(true, ping.Data)
		}
		_, reset := f.(*http2.RSTStreamFrame)
		return reset
	}); err != nil && !isEnd(err) {
		t.Error(err)
	}
	if <-ended == nil {
		t.Error("a gigabyte was written to nobody")
	}
	id, err := c.open("GET", "/answer", true, true) // a small answer waits in memory
	if err := errors.Join(err, c.until(func(f http2.Frame) bool {
		if ping, ok := f.(*http2.PingFrame); ok && !ping.IsAck() {
			c.WritePing(true, ping.Data)
		}
		r, reset := f.(*http2.RSTStreamFrame)
		return reset && r.StreamID == id
	})); err != nil {
		t.Error(err)
	}
}

func TestAnUpstreamsUnreadAnswerIsNobodys(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns atomic.Int64
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Add(1)
			go answerTwice(conn)
		}
	}()
	t.Cleanup(func() { listener.Close() })
	b := setup(t, strings.ReplaceAll(limited, "{one}", "http://"+listener.Addr().String()), nil)
	for i := range 20 {
		method := []string{"GET", "HEAD"}[i%2]
		path := fmt.Sprintf("/a%d", i)
		got := b.do(t, method+" "+path)
		if got.Header.Get("X-Path") != path {
			t.Errorf("%s %s got the answer to %s", method, path, got.Header.Get("X-Path"))
		}
	}
	if n := conns.Load(); n != 20 {
		t.Errorf("20 requests were made on %d connections", n)
	}
}

// answerTwice answers the requests of a connection, each with an answer to somebody else
// behind its own.
func answerTwice(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		path := strings.Fields(string(buffer[:n]))[1]
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nX-Path: %s\r\nContent-Length: 0\r\n\r\n"+
			"HTTP/1.1 200 OK\r\nX-Path: stray\r\nContent-Length: 0\r\n\r\n", path)
	}
}

func http2Only() *http.Transport {
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	return &http.Transport{Protocols: &p, DisableKeepAlives: true}
}
