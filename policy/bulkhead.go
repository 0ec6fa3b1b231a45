package policy

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// bulkhead is a semaphore with a short queue.
type bulkhead struct {
	settings Bulkhead
	places   chan struct{} // holds one for each call under way
	waiting  atomic.Int64
}

func newBulkhead(b Bulkhead) *bulkhead {
	b = b.withDefaults()
	return &bulkhead{settings: b, places: make(chan struct{}, b.Calls)}
}

// enter takes a place, which leave gives back.
func (b *bulkhead) enter(ctx context.Context, method string) error {
	select {
	case b.places <- struct{}{}:
		return nil
	default:
		return b.queue(ctx, method)
	}
}

func (b *bulkhead) leave() { <-b.places }

func (b *bulkhead) queue(ctx context.Context, method string) error {
	defer b.waiting.Add(-1)
	if b.waiting.Add(1) > int64(max(0, b.settings.Queue)) {
		return b.full(method)
	}
	timer := time.NewTimer(b.settings.Wait)
	defer timer.Stop()
	select {
	case b.places <- struct{}{}:
		return nil
	case <-timer.C:
		return b.full(method)
	case <-ctx.Done():
		return link.Mark(status.FromContextError(ctx.Err()), link.NeverSent)
	}
}

func (b *bulkhead) full(method string) error {
	return link.Mark(status.Newf(codes.ResourceExhausted,
		"%s was not called: %d calls to its service are under way already (bulkhead)", method, b.settings.Calls),
		link.NeverSent)
}
