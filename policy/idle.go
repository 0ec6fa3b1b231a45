package policy

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// Watch ends one stream when no message has gone either way for too long. A nil Watch never
// does. It is safe for concurrent use.
//
// A message costs it a look at the clock, and no goroutine waits: the timer is set anew only
// when it fires, for what is left.
type Watch struct {
	method string
	limit  time.Duration
	begun  time.Time
	last   atomic.Int64 // when a message went, in nanoseconds since begun
	told   func(idle error)

	mu      sync.Mutex // guards the fields below
	timer   *time.Timer
	stopped bool
	idle    error // with which the stream was ended
}

// Watch makes that of a stream that begins; nil: the method's streams have no limit.
func (g *StreamGuard) Watch(ctx context.Context, method string) *Watch {
	if g == nil || g.idle == nil || g.idle.Limit <= 0 {
		return nil
	}
	return &Watch{method: method, limit: g.idle.Limit, begun: time.Now(), told: func(idle error) {
		g.out.observe(ctx, Event{Policy: "idle", What: "ended", Method: method, Err: idle})
	}}
}

// Start begins to watch. end is called once, on a goroutine of its own, if the stream is idle.
func (w *Watch) Start(end func()) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(w.limit, func() {
		if idle := w.over(); idle != nil {
			w.told(idle)
			end()
		}
	})
}

// Message takes note of a message, of either side.
func (w *Watch) Message() {
	if w != nil {
		w.last.Store(int64(time.Since(w.begun)))
	}
}

// over gives the end of a stream that has been idle for too long, or else waits for what is left.
func (w *Watch) over() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := w.limit + time.Duration(w.last.Load()) - time.Since(w.begun)
	switch {
	case w.stopped:
	case left > 0:
		w.timer.Reset(left)
	default:
		w.stopped = true
		w.idle = link.Mark(status.Newf(codes.DeadlineExceeded,
			"%s was ended: no message went either way for %v (idle)", w.method, w.limit), link.MayHaveRun)
	}
	return w.idle
}

// Stop is for when the stream has ended. It may be called again.
func (w *Watch) Stop() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
}

// Cause is what the caller gets for an error of the stream: if that was ended for being idle,
// DeadlineExceeded in place of the Canceled that it ended with.
func (w *Watch) Cause(err error) error {
	if w == nil || status.Code(err) != codes.Canceled {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return cmp.Or(w.idle, err)
}
