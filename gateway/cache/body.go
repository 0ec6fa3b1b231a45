package cache

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// body is that of an answer, which is read by several while it comes. Its writer never
// waits for a reader.
type body struct {
	mu    sync.Mutex // guards all below
	data  []byte
	over  bool // nothing more is coming
	whole bool // and nothing is missing
	grown chan struct{}
}

func newBody(size int) *body { return &body{data: make([]byte, 0, size)} }

func (b *body) write(p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data = append(b.data, p...)
	b.wake()
}

// end tells readers that nothing more is coming.
func (b *body) end(whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		b.over, b.whole = true, whole
		b.wake()
	}
}

func (b *body) wake() {
	if b.grown != nil {
		close(b.grown)
		b.grown = nil
	}
}

func (b *body) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.data)
}

// after gives what follows the first n bytes, or else, unless it is over, a channel that
// closes when there is more.
func (b *body) after(n int) (data []byte, more chan struct{}, whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.data) > n || b.over {
		return b.data[n:len(b.data):len(b.data)], nil, b.whole
	}
	if b.grown == nil {
		b.grown = make(chan struct{})
	}
	return nil, b.grown, false
}

// pause is how long what is written may lie in a buffer while the next part of a body is waited for.
const pause = 10 * time.Millisecond

// copyTo writes the body as it comes, until it is over; flush: each part at once. It tells
// whether all of it was written.
func (b *body) copyTo(ctx context.Context, w http.ResponseWriter, flush bool) bool {
	for n := 0; ; {
		data, more, whole := b.after(n)
		switch {
		case len(data) > 0:
			if _, err := w.Write(data); err != nil {
				return false
			}
			if n += len(data); flush {
				_ = http.NewResponseController(w).Flush() // the next write tells, too
			}
		case more == nil:
			return whole
		case !wait(ctx, w, more):
			return false
		}
	}
}

// wait waits for more, and sends what lies in buffers if that takes long. false: the client is gone.
func wait(ctx context.Context, w http.ResponseWriter, more <-chan struct{}) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-more:
			return true
		case <-timer.C:
			_ = http.NewResponseController(w).Flush() // the next write tells, too
		case <-ctx.Done():
			return false
		}
	}
}
