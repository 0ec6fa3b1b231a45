package natslink

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// finish tells all servers that a request is done, and then the queue. A broker that
// is away it waits for: as long as nobody knows, another server may run the request.
func (w *worker) finish(from source, m jetstream.Msg, how []byte) {
	id := nameOf(m)
	for until := time.Now().Add(window); ; {
		err := from.marks.add(id, how)
		if err == nil {
			break
		}
		if isRefused(err) || time.Now().After(until) || !sleep(w.server.ctx, queuePause) {
			w.log.Warn("an accepted request is done, and may come again: nobody knows", "request", id, "error", err)
			break
		}
	}
	w.settle(from, m)
}

// sleep waits; false: ctx has ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// settle takes a request out of the queue. If that fails it comes again, and is known.
func (w *worker) settle(from source, m jetstream.Msg) {
	ctx, cancel := context.WithTimeout(context.Background(), brokerWait)
	defer cancel()
	if err := m.DoubleAck(ctx); err != nil {
		w.log.Warn("the queue does not know yet that a request is done", "request", nameOf(m), "error", err)
		return
	}
	dropPieces(from.requests, m.Subject(), m.Headers())
}
