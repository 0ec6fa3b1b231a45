package udplink

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call/frame"
)

// letter is a call's datagram while its frames come in: the head is filled when it
// leaves.
type letter struct {
	packet   []byte
	deadline time.Time // zero: none
}

func newLetter(ctx context.Context) letter {
	const usual = 512
	deadline, _ := ctx.Deadline()
	return letter{packet: make([]byte, callLen, usual), deadline: deadline}
}

// add takes in frames, and tells whether they were the last.
func (l *letter) add(frames []byte, limit int) (whole bool, err error) {
	l.packet = append(l.packet, frames...)
	if err := l.fits(limit); err != nil {
		return false, err
	}
	for len(frames) > 0 && !whole {
		f, rest, err := frame.Next(frames)
		if err != nil {
			return false, err
		}
		whole, frames = f.Kind == frame.Close, rest
	}
	return whole, nil
}

func (l *letter) fits(limit int) error {
	if len(l.packet) <= limit {
		return nil
	}
	return link.Mark(status.Newf(codes.ResourceExhausted,
		"the call with its metadata has more than the %d bytes that a datagram holds", limit), link.NeverSent)
}

// address fills in the head.
func (l *letter) address(head datagram) { head.append(l.packet[:0]) }

// again is a copy with another head, and the time that is left by now.
func (l *letter) again(head datagram, now time.Time) []byte {
	b := append(head.append(make([]byte, 0, len(l.packet))), l.packet[callLen:]...)
	if !l.deadline.IsZero() {
		frame.SetTimeout(b[callLen:], max(l.deadline.Sub(now), 1))
	}
	return b
}

// cancelling is the datagram that gives up a call.
func cancelling(head datagram, call uint64) []byte {
	return frame.Append(head.append(make([]byte, 0, callLen)), frame.Frame{Kind: frame.Cancel, Call: call})
}
