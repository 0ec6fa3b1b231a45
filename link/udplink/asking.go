package udplink

import (
	"context"
	"time"

	"google.golang.org/grpc/peer"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
)

// asking is the wire of a call that waits for its answer, and what is known of it.
type asking struct {
	letter
	client *client
	number uint64
	caller *frame.Caller

	// Guarded by the client's lock.
	heard time.Time // when it was first sent, or the server last known to work on it
	next  time.Time // when to repeat it
	pause time.Duration
	over  bool
}

var _ frame.Wire = (*asking)(nil)

func (a *asking) Write(_ context.Context, frames []byte) error {
	whole, err := a.add(frames, a.client.dialer.limit)
	if !whole || err != nil {
		return err
	}
	return a.client.ask(a)
}

// Push passes on that the call was cancelled. Credit is for more than a datagram.
func (a *asking) Push(frames []byte) {
	if f, _, err := frame.Next(frames); err == nil && f.Kind == frame.Cancel {
		a.client.cancel(a)
	}
}

func (a *asking) Forget(uint64) { a.client.forget(a) }

func (a *asking) Peer() *peer.Peer { return a.client.peer }

// losef ends the call without an answer: it may have run.
func (a *asking) losef(format string, args ...any) {
	a.caller.Lose(call.Unavailable(link.MayHaveRun, format, args...), link.MayHaveRun)
}

// silent tells whether the server has said nothing of the call for too long. By the
// clock on the wall a machine may have slept, and the server forgotten the call.
func (a *asking) silent(now time.Time, most time.Duration) bool {
	return now.Sub(a.heard) > most || now.Round(0).Sub(a.heard.Round(0)) > cookieLife
}

// repeat is what to send if it is time to send the call again.
func (a *asking) repeat(head datagram, now time.Time, most time.Duration) []byte {
	if now.Before(a.next) {
		return nil
	}
	a.pause = min(2*a.pause, most)
	a.next = now.Add(a.pause)
	return a.again(head, now)
}
