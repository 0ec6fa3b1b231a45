package tcplink

import (
	"context"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// maxWaiting is how many bytes may wait to be written before writers wait too.
const maxWaiting = 256 << 10

// maxPushed is how many may wait at all. What is pushed is small, and answers what
// the peer has sent.
const maxPushed = 4 << 20

// writer gathers the frames of all calls of a connection: what comes while a write
// is under way leaves together with the next.
type writer struct {
	wake   chan struct{} // a token when there is something to write
	closed chan struct{} // closed with the session
	since  atomic.Int64  // heartbeats seen by the write under way

	mu      sync.Mutex // guards the fields below
	waiting []byte
	spare   []byte
	room    chan struct{} // closed once waiting is taken; nil: nobody waits
	last    bool          // what waits is the last
	err     error         // no more can be written
}

func newWriter() writer {
	return writer{wake: make(chan struct{}, 1), closed: make(chan struct{})}
}

func (w *writer) Write(ctx context.Context, frames []byte) error {
	for {
		room, err := w.add(frames, maxWaiting)
		if err != nil || room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *writer) Push(frames []byte) {
	if room, _ := w.add(frames, maxPushed); room != nil {
		_ = w.fail(call.Unavailable(link.MayHaveRun, "the peer does not read"))
	}
}

// add appends to what waits, or gives a channel to wait for.
func (w *writer) add(frames []byte, limit int) (room <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil, w.err
	}
	before := len(w.waiting)
	if before >= limit {
		if w.room == nil {
			w.room = make(chan struct{})
		}
		return w.room, nil
	}
	w.waiting = append(w.waiting, frames...)
	if before == 0 {
		w.signal()
	}
	return nil, nil //nolint:nilnil // nothing to wait for
}

// take empties the writer. Both buffers go round.
func (w *writer) take() (taken []byte, last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken = w.waiting
	w.waiting, w.spare = w.spare[:0], nil
	w.release()
	return taken, w.last
}

func (w *writer) putBack(b []byte) {
	if cap(b) > 2*maxWaiting {
		return
	}
	w.mu.Lock()
	w.spare = b
	w.mu.Unlock()
}

// release lets writers that wait for room try again. The caller holds the lock.
func (w *writer) release() {
	if w.room != nil {
		close(w.room)
		w.room = nil
	}
}

// run writes until fail.
func (w *writer) run(c net.Conn) error {
	for {
		select {
		case <-w.wake:
		case <-w.closed:
			return nil
		}
		runtime.Gosched() // others that are about to write come along
		b, last := w.take()
		w.since.Store(1)
		_, err := c.Write(b)
		w.since.Store(0)
		if err != nil || last {
			return err
		}
		w.putBack(b)
	}
}

// fail ends the writer, and gives the error that did so first.
func (w *writer) fail(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
		w.release()
		close(w.closed)
	}
	return w.err
}

// finish ends the writer once all is written.
func (w *writer) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = true
	w.signal()
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// stuck counts a heartbeat, and tells whether a write has lasted for several.
func (w *writer) stuck() bool {
	const most = 3
	if w.since.Load() == 0 {
		return false
	}
	return w.since.Add(1) > most
}
