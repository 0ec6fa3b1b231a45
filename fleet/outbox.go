package fleet

import (
	"io"
	"slices"
	"sync"
	"time"
)

// outbox writes orders to one process without ever blocking who gives them: a
// process that does not read its stdin holds up only its outbox. Of several
// directories only the newest matters, so there is no queue.
type outbox struct {
	stdin io.WriteCloser
	wake  chan struct{} // holds one: something is pending
	done  chan struct{} // closed by close
	gone  chan struct{} // closed when run has returned

	mu       sync.Mutex // guards the fields below
	newReach []byte
	newStop  []byte
}

func newOutbox(stdin io.WriteCloser) *outbox {
	b := &outbox{
		stdin: stdin, wake: make(chan struct{}, 1), done: make(chan struct{}), gone: make(chan struct{}),
	}
	go b.run()
	return b
}

func (b *outbox) reach(line []byte) {
	b.mu.Lock()
	b.newReach = line
	b.mu.Unlock()
	nudge(b.wake)
}

func (b *outbox) stop(within time.Duration) {
	b.mu.Lock()
	b.newStop = encode(order{Stop: true, WithinMS: within.Milliseconds()})
	b.mu.Unlock()
	nudge(b.wake)
}

// close ends the outbox after the process has ended; its stdin is closed by then,
// or is closed here, so that no write is stuck.
func (b *outbox) close() {
	close(b.done)
	_ = b.stdin.Close() // closed already, as a rule
	<-b.gone
}

func (b *outbox) run() {
	defer close(b.gone)
	for {
		select {
		case <-b.done:
			return
		case <-b.wake:
		}
		b.mu.Lock()
		lines := slices.Concat(b.newReach, b.newStop)
		b.newReach, b.newStop = nil, nil
		b.mu.Unlock()
		if _, err := b.stdin.Write(lines); err != nil {
			return // the process is gone or has closed its stdin: nobody listens any more
		}
	}
}

// nudge leaves a wake-up in a channel that holds one.
func nudge(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
