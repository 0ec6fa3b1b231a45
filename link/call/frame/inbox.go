package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/kerf-go/kerf/link/call"
)

var (
	errNothing = errors.New("nothing has arrived yet")
	errPiece   = errors.New("a piece of no message")
	errCredit  = errors.New("more was sent than there was credit for")
)

// inbox is what has arrived for one end of a call: one goroutine, the wire's
// reader, fills it, another one takes messages out.
type inbox struct {
	wire  Wire
	id    uint64
	limit int  // bytes of one message
	quiet bool // nobody waits for a single message: the end, or a second, is what counts

	mu       sync.Mutex    // guards the fields below
	readable chan struct{} // a token whenever there may be something to take; nil: nobody has waited yet
	queue    []arrival
	one      [1]arrival // the queue's first memory: many calls need no more
	partial  []byte     // of the message whose pieces arrive
	missing  int        // bytes of it
	skipped  int        // its size, if it is above the limit and not kept
	credit   int        // what the peer may still send
	unpaid   int        // what partial has cost and not given back
	owed     int        // what was taken, and the peer not told
	closed   bool       // nothing more will come
}

// arrival is a message, and what taking it gives back to the peer.
type arrival struct {
	call.Message
	cost int
}

func newInbox(w Wire, id uint64, limit int, quiet bool) inbox {
	return inbox{
		wire: w, id: id, limit: limit, quiet: quiet, credit: window,
	}
}

// data takes in a frame of kind Data or Piece. An error is the peer's fault.
func (b *inbox) data(f Frame) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil // it crossed the end on its way
	}
	bytes, cost, own := f.Payload, len(f.Payload), false
	if f.Kind == kindData {
		r := fields{left: f.Payload}
		size := int(r.uint32())
		if r.bad || b.missing > 0 || len(r.left) > size || len(r.left) == 0 && size > 0 {
			return fmt.Errorf("a message of %d bytes that begins with %d", size, len(f.Payload))
		}
		bytes, cost = r.left, len(r.left)+overhead
		own = f.Own && len(r.left) == size
		b.start(size, own)
	} else if len(bytes) == 0 || len(bytes) > b.missing {
		return errPiece
	}
	if b.credit <= 0 {
		return errCredit
	}
	b.credit -= cost
	b.missing -= len(bytes)
	switch {
	case b.skipped > 0:
	case own:
		b.partial = bytes
	default:
		b.partial = append(b.partial, bytes...)
	}
	b.unpaid += cost
	if b.missing == 0 {
		b.complete()
	} else if len(b.queue) == 0 {
		b.advance()
	}
	return nil
}

// advance gives back what a message costs whose rest must be able to come. While
// others wait to be taken it waits too: that bounds what is held.
func (b *inbox) advance() {
	cost := b.unpaid
	b.unpaid = 0
	b.repay(cost)
}

func (b *inbox) start(size int, own bool) {
	b.missing, b.skipped, b.partial = size, 0, nil
	if size > b.limit {
		b.skipped = size
	}
	if own || b.skipped > 0 {
		return
	}
	b.partial = make([]byte, 0, min(size, window)) // a size is only a claim
}

func (b *inbox) complete() {
	m := call.Encoded(b.partial)
	if b.skipped > 0 {
		m = call.TooLarge(b.skipped)
	}
	if b.queue == nil {
		b.queue = b.one[:0]
	}
	b.queue = append(b.queue, arrival{m, b.unpaid})
	b.partial, b.unpaid = nil, 0
	if !b.quiet || len(b.queue) > 1 {
		signal(b.readable)
	}
}

// take gives the next message: io.EOF when there is none and there will be none,
// errNothing when there is none yet; then readable tells.
func (b *inbox) take() (call.Message, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		if b.closed {
			return call.Message{}, io.EOF
		}
		if b.readable == nil {
			b.readable = make(chan struct{}, 1)
		}
		return call.Message{}, errNothing
	}
	next := b.queue[0]
	b.queue[0] = arrival{}
	b.queue = b.queue[1:]
	b.repay(next.cost)
	if len(b.queue) == 0 && b.missing > 0 {
		b.advance()
	}
	return next.Message, nil
}

// repay lets the peer send more, once that is worth a frame. The caller holds the
// lock.
func (b *inbox) repay(cost int) {
	b.owed += cost
	if b.closed || b.owed < window/4 {
		return
	}
	frame, at := begin(make([]byte, 0, headerLen+4), kindCredit, 0, b.id)
	frame = binary.BigEndian.AppendUint32(frame, uint32(b.owed))
	b.wire.Push(finish(frame, at))
	b.credit += b.owed
	b.owed = 0
}

// shut says that nothing more will come.
func (b *inbox) shut() {
	b.mu.Lock()
	b.closed, b.partial = true, nil
	signal(b.readable)
	b.mu.Unlock()
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
