package frame

import (
	"context"
	"encoding/binary"
	"math"
	"sync"

	"github.com/kerf-go/kerf/link/call"
)

// outbox is what one end of a call may send: as much as the other has credit for.
type outbox struct {
	mu     sync.Mutex // guards the fields below
	credit int64
	room   chan struct{} // closed once there is credit; nil: nobody waits
}

func newOutbox() outbox { return outbox{credit: window} }

// grant takes in a frame of kind Credit.
func (o *outbox) grant(f Frame) error {
	r := fields{left: f.Payload}
	n := r.uint32()
	if err := r.err(kindCredit); err != nil {
		return err
	}
	o.add(int64(n))
	return nil
}

func (o *outbox) add(n int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.credit = min(o.credit, math.MaxInt32) + n // no matter how generous the peer is
	if o.room != nil && o.credit > 0 {
		close(o.room)
		o.room = nil
	}
}

// release lets nobody wait any more: the call is over, and writing tells so.
func (o *outbox) release() { o.add(math.MaxInt32) }

// spend waits for credit. What it allows may be more than there was, by one frame.
func (o *outbox) spend(ctx context.Context, cost int) error {
	for {
		o.mu.Lock()
		if o.credit > 0 {
			o.credit -= int64(cost)
			o.mu.Unlock()
			return nil
		}
		if o.room == nil {
			o.room = make(chan struct{})
		}
		room := o.room
		o.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// message appends the frames of a message to b, and gives what is still to be
// written, also after an error. What does not fit into one frame goes ahead.
func (o *outbox) message(
	ctx context.Context, id uint64, b []byte, m call.Message, write func(frames []byte) error,
) ([]byte, error) {
	left := m.View()
	piece := left[:min(len(left), pieceLen)]
	if err := o.spend(ctx, len(piece)+overhead); err != nil {
		return b, err
	}
	b, at := begin(b, kindData, 0, id)
	b = binary.BigEndian.AppendUint32(b, uint32(len(left)))
	b = finish(append(b, piece...), at)
	for left = left[len(piece):]; len(left) > 0; left = left[len(piece):] {
		if err := write(b); err != nil {
			return b[:0], err
		}
		piece = left[:min(len(left), pieceLen)]
		if err := o.spend(ctx, len(piece)); err != nil {
			return b[:0], err
		}
		b = Append(b[:0], Frame{Kind: kindPiece, Call: id, Payload: piece})
	}
	return b, nil
}
