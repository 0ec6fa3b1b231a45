package policy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/test/bufconn"

	"github.com/kerf-go/kerf/policy"
)

// frames is a connection over HTTP/2, of which a test plays the server frame by frame.
type frames struct {
	*http2.Framer
	net.Conn
}

// serveFrames answers each request on a connection, until that ends.
func serveFrames(conn net.Conn, answer func(f frames, id uint32)) {
	defer conn.Close()
	f := frames{http2.NewFramer(conn, conn), conn}
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil || f.WriteSettings() != nil {
		return
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
		case *http2.PingFrame:
			_ = f.WritePing(true, frame.Data)
		case *http2.HeadersFrame:
			answer(f, frame.StreamID)
		}
	}
}

// succeed answers 200, without a body.
func (f frames) succeed(id uint32) {
	var block bytes.Buffer
	_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	_ = f.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true,
	})
}

// newFrames is an upstream of which the first requests are answered in a way of their own.
func newFrames(t *testing.T, first int64, answer func(f frames, id uint32)) *upstream {
	t.Helper()
	u := &upstream{way: newWay(quickly(), nil)}
	u.Server = httptest.NewUnstartedServer(nil)
	u.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
		http2.NextProtoTLS: func(_ *http.Server, conn *tls.Conn, _ http.Handler) {
			serveFrames(conn, u.failing(first, answer))
		},
	}
	u.TLS = &tls.Config{NextProtos: []string{http2.NextProtoTLS}}
	u.StartTLS()
	base := u.Client().Transport.(*http.Transport)
	base.ForceAttemptHTTP2 = true
	base.HTTP2 = &http.HTTP2Config{SendPingTimeout: time.Second, PingTimeout: time.Second}
	u.client = &http.Client{Transport: policy.RoundTripper(base, u.way.out, quickly())}
	t.Cleanup(func() {
		base.CloseIdleConnections()
		u.Close()
	})
	return u
}

func (u *upstream) failing(first int64, answer func(f frames, id uint32)) func(frames, uint32) {
	return func(f frames, id uint32) {
		if u.requests.Add(1) <= first {
			answer(f, id)
			return
		}
		f.succeed(id)
	}
}

func TestOverHTTP2OnlyWhatHasNotRunIsRepeatedAnyway(t *testing.T) {
	t.Parallel()
	resetBy := func(code http2.ErrCode) func(frames, uint32) {
		return func(f frames, id uint32) { _ = f.WriteRSTStream(id, code) }
	}
	goAway := func(behind uint32) func(frames, uint32) {
		return func(f frames, id uint32) {
			_ = f.WriteGoAway(id-behind, http2.ErrCodeEnhanceYourCalm, nil)
			_ = f.Close()
		}
	}
	silent := func(f frames, _ uint32) { _, _ = io.Copy(io.Discard, f.Conn) }
	for name, test := range map[string]struct {
		answer    func(frames, uint32)
		get, post int64 // how many requests each makes
	}{
		"a stream that was reset":                      {resetBy(http2.ErrCodeInternal), 2, 1},
		"a stream that was cancelled":                  {resetBy(http2.ErrCodeCancel), 2, 1},
		"a connection that was closed":                 {func(f frames, _ uint32) { _ = f.Close() }, 2, 1},
		"a server that falls silent":                   {silent, 2, 1},
		"a server that goes away with the request":     {goAway(0), 2, 1},
		"a server that goes away and did not begin it": {goAway(1), 2, 2},
	} {
		for method, want := range map[string]int64{http.MethodGet: test.get, http.MethodPost: test.post} {
			t.Run(name+", "+method, func(t *testing.T) {
				t.Parallel()
				u := newFrames(t, 1, test.answer)
				_, _, err := u.send(t, method, http.NoBody)
				if got := u.requests.Load(); got != want || (err == nil) != (want > 1) {
					t.Errorf("%d requests, want %d; %v", got, want, err)
				}
			})
		}
	}
}

// TestARefusedStreamIsRepeatedAnyway refuses more often than net/http tries by itself, for which it
// takes a minute: so the time is made, and the connections are no real ones.
func TestARefusedStreamIsRepeatedAnyway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const tries = 8 // of net/http
		u := &upstream{way: newWay(quickly(), nil), Server: &httptest.Server{URL: "http://upstream.test"}}
		answer := u.failing(tries, func(f frames, id uint32) { _ = f.WriteRSTStream(id, http2.ErrCodeRefusedStream) })
		var serving sync.WaitGroup
		base := &http.Transport{Protocols: new(http.Protocols)}
		base.Protocols.SetUnencryptedHTTP2(true)
		base.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			listener := bufconn.Listen(1 << 16)
			serving.Go(func() {
				defer listener.Close()
				if conn, err := listener.Accept(); err == nil {
					serveFrames(conn, answer)
				}
			})
			return listener.DialContext(ctx)
		}
		u.client = &http.Client{Transport: policy.RoundTripper(base, u.way.out, quickly())}
		code, _, err := u.send(t, http.MethodPost, http.NoBody)
		if code != http.StatusOK || u.requests.Load() != tries+1 {
			t.Errorf("%d, %v after %d requests", code, err, u.requests.Load())
		}
		wantEvents(t, u.way, "retry again")
		base.CloseIdleConnections()
		serving.Wait()
	})
}
