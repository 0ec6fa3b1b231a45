package udplink

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call/frame"
)

// telling is the wire of a one way call. It waits for nothing: while the server is
// looked for, the call does in the background.
type telling struct {
	letter
	dialer *dialer
}

var _ frame.Wire = (*telling)(nil)

func (t *telling) Write(ctx context.Context, frames []byte) error {
	whole, err := t.add(frames, t.dialer.limit)
	if !whole || err != nil {
		return err
	}
	if c, ok := t.dialer.Now(); ok && c.fresh() {
		return c.tell(&t.letter)
	}
	select {
	case t.dialer.parting <- struct{}{}:
	default:
		return link.Mark(status.Newf(codes.ResourceExhausted,
			"%d calls wait already until udp://%s is found", mostParting, t.dialer.address), link.NeverSent)
	}
	go t.wait(context.WithoutCancel(ctx)) // Close waits for it: for its token
	return nil
}

func (t *telling) wait(ctx context.Context) {
	defer func() { <-t.dialer.parting }()
	ctx, cancel := context.WithTimeout(ctx, partingWait)
	defer cancel()
	c, err := t.dialer.Get(ctx)
	if err != nil {
		return
	}
	if known, err := c.ready(ctx); known && err == nil {
		_ = c.tell(&t.letter)
	}
}

func (*telling) Push([]byte)      {}
func (*telling) Forget(uint64)    {}
func (*telling) Peer() *peer.Peer { return nil }
