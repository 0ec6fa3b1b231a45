package udplink

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/kerf-go/kerf/link/call/frame"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

func stranger(n uint32) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(n)}), uint16(n>>8))
}

// Who forges his address makes the server send no more than he has sent, and keep
// nothing.
func TestAForgedAddressGetsNoMoreThanWasSent(t *testing.T) {
	t.Parallel()
	service := newCounting()
	r := newRaw(t, service)
	good := r.hello(t)
	other := good
	other.epoch++
	random := rand.New(rand.NewPCG(3, 3))
	forged := append(make([][]byte, 0, 1007),
		datagram{kind: hello, version: 1, oldest: 1, limit: welcomeLen}.append(nil),
		datagram{kind: hello, version: 1, oldest: 1}.append(nil), // too short to be answered
		datagram{kind: hello, version: 9, oldest: 8, limit: 1200}.append(nil),
		r.call(good, 1<<16, nil), r.call(other, 1<<16, nil), r.call(datagram{}, 1<<16, nil),
		r.call(good, 1<<16, frame.Append(nil, frame.Frame{Kind: frame.Cancel, Call: 1 << 16})),
	)
	for range 1000 {
		b := bytes.Clone(forged[random.IntN(len(forged))])
		if random.IntN(2) == 0 {
			b = b[:random.IntN(len(b)+1)]
		}
		for range random.IntN(3) {
			if len(b) > 0 {
				b[random.IntN(len(b))] = byte(random.Uint32())
			}
		}
		forged = append(forged, b)
	}
	for i, b := range forged {
		if answer := r.server.take(r.now, stranger(random.Uint32()), b); len(answer) > len(b) {
			t.Errorf("datagram %d: %d bytes are answered with %d: %x", i, len(b), len(answer), answer)
		}
	}
	if n := len(r.server.memory.callers); n != 0 || service.seen() != 0 {
		t.Errorf("%d callers are remembered, %d calls have run", n, service.seen())
	}
	if k := kindOf(t, r.take(r.call(good, 1<<16, nil))); k != 0 { // it has begun
		t.Errorf("who has the address is answered with kind %d", k)
	}
	if k := kindOf(t, r.answered(t)); k != answer || service.seen() != 1 {
		t.Errorf("its call is answered with kind %d", k)
	}
}

// A datagram that is replayed at any time runs nothing again: while its cookie is taken
// the call is remembered.
func TestAReplayRunsNothingAtAnyTime(t *testing.T) {
	t.Parallel()
	service := newCounting()
	r := newRaw(t, service)
	w := r.hello(t)
	packets := [][]byte{
		r.call(w, 1<<16|5, nil),
		r.call(w, 1, request(1, frame.Opening{Method: pb.Exercise_Tell_FullMethodName, Unary: true, OneWay: true})),
	}
	for _, b := range packets {
		r.take(b)
	}
	r.answered(t)
	runs := func() int {
		service.mu.Lock()
		defer service.mu.Unlock()
		return service.count[0]
	}
	eventually(t, "both calls run", func() bool { return runs() == 2 })
	const step = 5 * time.Second
	kinds := make(map[kind]int)
	for range 100 {
		r.now = r.now.Add(step)
		r.server.memory.sweep(r.now, time.Hour)
		for _, b := range packets {
			kinds[kindOf(t, r.take(b))]++
		}
	}
	if kinds[answer] < int(cookieLife/step) || kinds[stale] == 0 || len(kinds) > 3 {
		t.Errorf("answers by kind: %v", kinds)
	}
	if runs() != 2 || len(r.server.memory.callers) != 0 {
		t.Errorf("%d runs, %d callers remembered", runs(), len(r.server.memory.callers))
	}
}

func TestACookieIsForOneAddressAndSomeTime(t *testing.T) {
	t.Parallel()
	now := time.Now()
	j := newJar(now)
	c := j.bake(stranger(1), now)
	if !j.good(c, stranger(1), now) || j.good(c, stranger(2), now) || j.good(cookie{}, stranger(1), now) {
		t.Error("a cookie is not for the address it was baked for alone")
	}
	for age := time.Duration(0); age < 5*cookieLife; age += cookieLife / 4 {
		for _, used := range []bool{false, true} { // a jar that nobody opens grows old too
			j := newJar(now)
			c := j.bake(stranger(1), now)
			for at := now; used && at.Before(now.Add(age)); at = at.Add(time.Second) {
				j.bake(stranger(3), at)
			}
			good := j.good(c, stranger(1), now.Add(age))
			if good && age >= 2*cookieLife || !good && age < cookieLife {
				t.Errorf("a cookie of %v: good is %t (jar used: %t)", age, good, used)
			}
		}
	}
}
