package udplink

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
)

// take receives a datagram and gives what is to be answered at once, if anything.
// Nothing is kept, nor more sent than has come, before a cookie shows that the sender
// has the address.
func (s *server) take(now time.Time, from netip.AddrPort, b []byte) []byte {
	d, err := parse(b)
	switch {
	case err != nil:
		return nil
	case d.kind == hello:
		return s.welcome(from, d, now)
	case d.kind != calls:
		return nil
	}
	f, rest, err := frame.Next(d.frames)
	if err != nil {
		return nil
	}
	x := &incoming{
		server: s, client: d.client, call: f.Call, limit: min(s.limit, int(d.limit)), from: from, heard: now,
	}
	switch {
	case d.epoch != s.epoch || !s.jar.good(d.cookie, from, now):
		return x.note(stale)
	case f.Kind == frame.Cancel:
		return s.forgo(x)
	case f.Kind == frame.Open:
		return s.open(x, f, rest)
	}
	return nil
}

func (s *server) welcome(from netip.AddrPort, d datagram, now time.Time) []byte {
	w := datagram{
		kind: welcome, version: newest, oldest: oldest, nonce: d.nonce, epoch: s.epoch,
		cookie: s.jar.bake(from, now), limit: uint16(s.limit),
	}
	if s.memory.stopping() {
		w.flags = flagStopping
	}
	return w.append(make([]byte, 0, welcomeLen))
}

// forgo takes in that nobody waits for a call any more. Its own datagram may still be
// on its way: then it will not run.
func (s *server) forgo(x *incoming) []byte {
	before := s.memory.find(x.client, x.call)
	if before == nil || before.call < x.call {
		_ = s.memory.add(x)
	}
	if before != nil && before.call <= x.call {
		before.giveUp()
	}
	return nil
}

// open begins a call that has not come before.
func (s *server) open(x *incoming, f frame.Frame, rest []byte) []byte {
	o, err := frame.ParseOpening(f)
	if err != nil {
		return x.refuse(status.New(codes.Internal, err.Error()))
	}
	var before *incoming // of one way calls the memory knows
	if x.oneWay = o.OneWay; !x.oneWay {
		before = s.memory.find(x.client, x.call)
	}
	switch {
	case before == nil || before.call < x.call:
	case before.call == x.call:
		return before.again(x.from, x.heard)
	default:
		return nil // long over, or its caller would not have used the slot again
	}
	if d := s.Kind(o.Method); d != nil && (d.ClientStreams || d.ServerStreams) {
		return x.refuse(status.Newf(codes.Unimplemented, "%s streams, which %s cannot carry", o.Method, s.url))
	}
	reply := s.begin(x, o, rest)
	if before != nil {
		before.giveUp() // its caller has gone on to this one
	}
	return reply
}

// begin runs a call, or tells why not.
func (s *server) begin(x *incoming, o frame.Opening, frames []byte) []byte {
	x.peer = &peer.Peer{Addr: net.UDPAddrFromAddrPort(x.from), LocalAddr: s.conn.LocalAddr()}
	callee := frame.NewCallee(peer.NewContext(s.ctx, x.peer), x, x.call, o, s.Table)
	x.callee, x.running = callee, true
	if err := feed(frames, x.call, callee.Handle); err != nil {
		cancel(callee)
		return x.refuse(status.New(codes.Internal, err.Error()))
	}
	_ = callee.Handle(frame.Frame{Kind: frame.Close, Call: x.call}) // there is no more to come
	switch s.memory.add(x) {
	case stopping:
		cancel(callee)
		return x.refuse(status.Newf(codes.Unavailable, "the server of %s is stopping", s.url))
	case full: // another copy of it may come when there is room: no promise that it will not run
		cancel(callee)
		return x.reply(frame.AppendEnd(nil, x.call, call.End{
			Status: status.Newf(codes.ResourceExhausted, "the server of %s has too many calls", s.url),
		}))
	case seen:
		cancel(callee)
	case added:
		go callee.Run() // Shutdown waits for it: Forget is its end
	}
	return nil
}

// feed hands on the frames of one call.
func feed(b []byte, call uint64, handle func(frame.Frame) error) error {
	for len(b) > 0 {
		f, rest, err := frame.Next(b)
		if err == nil && f.Call != call {
			err = fmt.Errorf("frames of the calls %d and %d in one datagram", call, f.Call)
		}
		if err == nil {
			err = handle(f)
		}
		if err != nil {
			return err
		}
		b = rest
	}
	return nil
}
