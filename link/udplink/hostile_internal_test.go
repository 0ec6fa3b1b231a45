package udplink

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call/frame"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// samples are a datagram of each kind.
func samples() []datagram {
	frames := request(1<<16, frame.Opening{Method: pb.Exercise_Unary_FullMethodName, Timeout: time.Second, Unary: true})
	return []datagram{
		{kind: hello, version: 1, oldest: 1, nonce: 1 << 40, limit: 1200},
		{
			kind: welcome, version: 3, oldest: 1, nonce: 1 << 40, epoch: 1 << 50, cookie: cookie{1, 2, 15: 3},
			limit: 1200, flags: flagStopping,
		},
		{kind: calls, version: 1, epoch: 1 << 50, cookie: cookie{1, 2, 15: 3}, client: 77, limit: 1200, frames: frames},
		{kind: answer, version: 1, epoch: 1 << 50, client: 77, frames: frames},
		{kind: working, version: 1, epoch: 1 << 50, client: 77, call: 1 << 16},
		{kind: stale, version: 1, epoch: 1 << 50, client: 77, call: 1 << 16},
		{kind: gone, version: 1, epoch: 1 << 50, client: 77, call: 1 << 16},
	}
}

func same(a, b datagram) bool {
	ok := bytes.Equal(a.frames, b.frames)
	a.frames, b.frames = nil, nil
	return ok && bytes.Equal(a.append(nil), b.append(nil))
}

func TestADatagramIsReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, want := range samples() {
		b := want.append(nil)
		got, err := parse(b)
		if err != nil || !same(got, want) {
			t.Errorf("%v:\ngot  %+v\nwant %+v", err, got, want)
		}
		for n := range b {
			if cut, err := parse(b[:n]); err == nil && want.kind != hello && want.frames == nil {
				t.Errorf("the first %d of %d bytes are read as %+v", n, len(b), cut)
			}
		}
	}
}

// FuzzDatagram reads any bytes, and hands them to both ends: those that pass are
// written as they were, and none brings an end down.
func FuzzDatagram(f *testing.F) {
	for _, d := range samples() {
		f.Add(d.append(nil))
	}
	r := newRaw(f, pb.UnimplementedExerciseServer{})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parse(b)
		if err != nil {
			return
		}
		again, err := parse(d.append(nil))
		if err != nil || !same(again, d) {
			t.Fatalf("%v: %+v is read as %+v", err, d, again)
		}
		if answer := r.take(b); len(answer) > len(b) {
			t.Fatalf("%d bytes are answered with %d", len(b), len(answer))
		}
		w := datagram{epoch: r.server.epoch, cookie: r.server.jar.bake(r.from, r.now)}
		r.take(r.call(w, 0, d.frames)) // behind the cookie
	})
}

// hostile is a peer that answers hello, and calls with what it likes.
func hostile(t *testing.T, answers func(d datagram) [][]byte) string {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = socket.Close()
		<-done
	})
	go func() {
		defer close(done)
		buffer := make([]byte, 1<<16)
		for {
			n, from, err := socket.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			d, err := parse(buffer[:n])
			if err != nil {
				continue
			}
			for _, b := range answers(d) {
				_, _ = socket.WriteToUDPAddrPort(b, from)
			}
		}
	}()
	return "udp://" + socket.LocalAddr().String()
}

func welcomed(d datagram) [][]byte {
	return [][]byte{datagram{
		kind: welcome, version: 1, oldest: 1, nonce: d.nonce, epoch: 1, limit: 1200,
	}.append(nil)}
}

func TestAnswersThatMakeNoSenseAreUnavailable(t *testing.T) {
	t.Parallel()
	const number = 1 << 16
	empty := frame.Append(nil, frame.Frame{Kind: frame.Kind(2), Call: number, Payload: make([]byte, 4)})
	for name, frames := range map[string][]byte{
		"no end":               empty,
		"a frame of a client":  frame.Append(nil, frame.Frame{Kind: frame.Close, Call: number}),
		"an end of nothing":    frame.Append(nil, frame.Frame{Kind: frame.End, Call: number}),
		"another call as well": frame.Append(slices.Clip(empty), frame.Frame{Kind: frame.End, Call: 5}),
		"half a frame":         append(slices.Clip(empty), 0, 0, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := connect(t, Link{}, hostile(t, func(d datagram) [][]byte {
				if d.kind == hello {
					return welcomed(d)
				}
				d = datagram{kind: answer, version: 1, epoch: 1, client: d.client, frames: frames}
				return [][]byte{d.append(nil)}
			}))
			_, err := client.Unary(t.Context(), &pb.Message{})
			wantLost(t, err)
		})
	}
}

func TestRandomAnswersHarmNobody(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(6, 6))
	client := connect(t, brisk, hostile(t, func(d datagram) [][]byte {
		if d.kind == hello {
			return welcomed(d)
		}
		var answers [][]byte
		for _, s := range samples() {
			s.client, s.epoch = d.client, 1
			b := s.append(nil)
			for range random.IntN(4) {
				b[headLen+random.IntN(len(b)-headLen)] = byte(random.Uint32())
			}
			answers = append(answers, b[:random.IntN(len(b)+1)])
		}
		return answers
	}))
	for range 50 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := client.Unary(ctx, &pb.Message{})
		cancel()
		if err == nil {
			t.Error("there was no answer, and no error")
		}
	}
}

func TestRandomDatagramsDisturbNoCall(t *testing.T) {
	t.Parallel()
	service := newCounting()
	server := start(t, Link{}, anyPort, service)
	client := connect(t, Link{}, server.URL())
	c, err := new(net.Dialer).DialContext(t.Context(), "udp", server.conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	random := rand.New(rand.NewPCG(7, 7))
	for n := range int64(200) {
		for _, s := range samples() {
			b := s.append(nil)
			b[random.IntN(len(b))] = byte(random.Uint32())
			_, _ = c.Write(b[:random.IntN(len(b)+1)])
		}
		if _, err := client.Unary(t.Context(), &pb.Message{Number: n}); err != nil || service.of(n) != 1 {
			t.Fatalf("%v, and the call ran %d times", err, service.of(n))
		}
	}
}

func TestAServerOfAnotherVersionIsNamed(t *testing.T) {
	t.Parallel()
	client := connect(t, Link{}, hostile(t, func(d datagram) [][]byte {
		return [][]byte{datagram{kind: welcome, version: 9, oldest: 8, nonce: d.nonce, limit: 1200}.append(nil)}
	}))
	_, err := client.Unary(t.Context(), &pb.Message{})
	if status.Code(err) != codes.Unavailable || link.Ran(err) != link.NeverSent ||
		!strings.Contains(status.Convert(err).Message(), "versions 8 to 9") {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
}

// What a server without memory of a call says is believed, but not for ever.
func TestAServerThatRefusesEveryCookieIsGivenUp(t *testing.T) {
	t.Parallel()
	hellos := make(chan struct{}, 10_000)
	client := connect(t, brisk, hostile(t, func(d datagram) [][]byte {
		if d.kind == hello {
			hellos <- struct{}{}
			return welcomed(d)
		}
		return [][]byte{datagram{kind: stale, version: 1, epoch: 1, client: d.client, call: 1 << 16}.append(nil)}
	}))
	_, err := client.Unary(t.Context(), &pb.Message{})
	wantLost(t, err)
	if n := len(hellos); n > 10*mostSilent {
		t.Errorf("%d times hello in the time of %d heartbeats", n, mostSilent)
	}
}
