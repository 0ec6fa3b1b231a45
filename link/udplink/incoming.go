package udplink

import (
	"context"
	"net/netip"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
)

// incoming is the server's end of one call: the wire that its answer leaves by.
type incoming struct {
	server *server
	client uint64
	call   uint64
	limit  int // bytes of the datagram that answers
	oneWay bool
	peer   *peer.Peer

	answer []byte // so far; the handler's goroutine writes it

	// Guarded by the memory's lock.
	from    netip.AddrPort // where the caller was last heard
	heard   time.Time
	running bool
	callee  *frame.Callee // while it runs
	kept    []byte        // the answer, for who asks again; nil: none
}

var _ frame.Wire = (*incoming)(nil)

// Write adds to the answer, which leaves as one datagram when the call is over.
func (x *incoming) Write(_ context.Context, frames []byte) error {
	if x.answer == nil {
		x.answer = x.head(len(frames))
	}
	x.answer = append(x.answer, frames...)
	if len(x.answer) <= x.limit {
		return nil
	}
	tooLarge := status.Newf(codes.ResourceExhausted,
		"the answer with its metadata has more than the %d bytes that a datagram holds", x.limit)
	x.answer = frame.AppendEnd(x.answer[:answerLen], x.call, call.End{Status: tooLarge})
	return tooLarge.Err()
}

// Push sends nothing: callers have credit for more than a datagram.
func (*incoming) Push([]byte) {}

// Forget sends the answer, now that it is complete.
func (x *incoming) Forget(uint64) {
	b := x.answer
	x.answer = nil
	x.server.memory.done(x, b)
	x.server.write(b, x.at())
	x.server.memory.leave()
}

func (x *incoming) Peer() *peer.Peer { return x.peer }

func (x *incoming) at() netip.AddrPort {
	x.server.memory.mu.Lock()
	defer x.server.memory.mu.Unlock()
	return x.from
}

// again is the answer to a call that has come before; nil: none is due.
func (x *incoming) again(from netip.AddrPort, now time.Time) []byte {
	x.server.memory.mu.Lock()
	defer x.server.memory.mu.Unlock()
	x.from, x.heard = from, now
	if c := x.server.memory.callers[x.client]; c != nil {
		c.heard = now
	}
	switch {
	case x.running:
		return x.note(working)
	case x.kept != nil:
		return x.kept
	}
	return x.note(gone)
}

// head begins a datagram that answers.
func (x *incoming) head(room int) []byte {
	return datagram{kind: answer, version: newest, epoch: x.server.epoch, client: x.client}.
		append(make([]byte, 0, answerLen+room))
}

// reply is an answer without a handler; nil: none is wanted.
func (x *incoming) reply(frames []byte) []byte {
	if x.oneWay {
		return nil
	}
	return append(x.head(len(frames)), frames...)
}

// refuse answers that the call will not run.
func (x *incoming) refuse(s *status.Status) []byte {
	return x.reply(frame.AppendRefusal(nil, x.call, s))
}

func (x *incoming) note(k kind) []byte {
	return datagram{kind: k, version: newest, epoch: x.server.epoch, client: x.client, call: x.call}.
		append(make([]byte, 0, noteLen))
}

// giveUp ends the context of a call that nobody waits for any more.
func (x *incoming) giveUp() {
	x.server.memory.mu.Lock()
	callee := x.callee
	x.server.memory.mu.Unlock()
	if callee != nil {
		cancel(callee)
	}
}

func cancel(callee *frame.Callee) { _ = callee.Handle(frame.Frame{Kind: frame.Cancel}) }
