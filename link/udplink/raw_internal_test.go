package udplink

import (
	"net"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call/frame"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// raw is a client that is made of datagrams alone, before a server that only takes
// what it is handed.
type raw struct {
	server *server
	socket *net.UDPConn // receives what handlers answer
	from   netip.AddrPort
	now    time.Time
	client uint64
}

func newRaw(tb testing.TB, impl pb.ExerciseServer) *raw {
	tb.Helper()
	s, err := Link{}.Listen(tb.Context(), &url.URL{Scheme: "udp", Host: "127.0.0.1:0"}, link.ListenOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	pb.RegisterExerciseServer(s, impl)
	tb.Cleanup(func() { _ = s.Close() })
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = socket.Close() })
	return &raw{
		server: s.(*server), socket: socket, from: socket.LocalAddr().(*net.UDPAddr).AddrPort(),
		now: time.Now(), client: 7,
	}
}

func (r *raw) take(b []byte) []byte { return r.server.take(r.now, r.from, b) }

// hello gives what the server says of itself.
func (r *raw) hello(t *testing.T) datagram {
	t.Helper()
	d, err := parse(r.take(datagram{kind: hello, version: 1, oldest: 1, nonce: 5, limit: 1200}.append(nil)))
	if err != nil || d.kind != welcome || d.nonce != 5 {
		t.Fatalf("%v: %+v", err, d)
	}
	return d
}

// call makes the datagram of a unary call.
func (r *raw) call(w datagram, number uint64, frames []byte) []byte {
	if frames == nil {
		frames = request(number, frame.Opening{Method: pb.Exercise_Unary_FullMethodName, Unary: true})
	}
	return datagram{
		kind: calls, version: 1, epoch: w.epoch, cookie: w.cookie, client: r.client, limit: 1200, frames: frames,
	}.append(nil)
}

// request is the frames of a call whose message is empty.
func request(number uint64, o frame.Opening) []byte {
	b := o.Append(nil, number)
	b = frame.Append(b, frame.Frame{Kind: frame.Kind(2), Call: number, Payload: make([]byte, 4)})
	return frame.Append(b, frame.Frame{Kind: frame.Close, Call: number})
}

// answered reads what a handler answered.
func (r *raw) answered(t *testing.T) []byte {
	t.Helper()
	b := make([]byte, 1<<16)
	_ = r.socket.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := r.socket.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// kindOf tells what an answer is; 0: there is none.
func kindOf(t *testing.T, b []byte) kind {
	t.Helper()
	if b == nil {
		return 0
	}
	d, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return d.kind
}
