package policy

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// bulkhead is a semaphore with a short queue.
type bulkhead struct {
	settings Bulkhead
	places   *semaphore.Weighted
	running  atomic.Int64
	waiting  atomic.Int64
}

func newBulkhead(b Bulkhead) *bulkhead {
	b = b.withDefaults()
	return &bulkhead{settings: b, places: semaphore.NewWeighted(int64(b.Calls))}
}

// enter takes a place, which leave gives back.
func (b *bulkhead) enter(ctx context.Context, method string) error {
	if !b.places.TryAcquire(1) {
		if err := b.queue(ctx, method); err != nil {
			return err
		}
	}
	b.running.Add(1)
	return nil
}

func (b *bulkhead) leave() {
	b.running.Add(-1)
	b.places.Release(1)
}

func (b *bulkhead) queue(ctx context.Context, method string) error {
	defer b.waiting.Add(-1)
	if b.waiting.Add(1) > int64(max(0, b.settings.Queue)) {
		return b.full(method)
	}
	short, cancel := context.WithTimeout(ctx, b.settings.Wait)
	defer cancel()
	switch {
	case b.places.Acquire(short, 1) == nil:
		return nil
	case ctx.Err() != nil:
		return link.Mark(status.FromContextError(ctx.Err()), link.NeverSent)
	}
	return b.full(method)
}

func (b *bulkhead) full(method string) error {
	return link.Mark(status.Newf(codes.ResourceExhausted,
		"%s was not called: calls to its service under way already: %d (bulkhead)",
		method, b.settings.Calls),
		link.NeverSent)
}
