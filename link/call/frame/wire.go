package frame

import (
	"context"
	"sync"

	"google.golang.org/grpc/peer"
)

// Wire is where one end of a call sends its frames. It is safe for concurrent use.
type Wire interface {
	// Write sends frames, in order and in one piece. It waits while the wire is full,
	// until ctx ends. After an error, a status or the context's, they were not sent; one
	// marked link.NeverSent tells that nothing was, of the whole call. The bytes are the
	// caller's again when it returns.
	Write(ctx context.Context, frames []byte) error
	// Push is Write for what must not wait: credit and cancels.
	Push(frames []byte)
	// Forget says that the call is over: frames for it are of no use.
	Forget(id uint64)
	Peer() *peer.Peer
}

// scratch lends buffers to write frames into.
var scratch = sync.Pool{New: func() any { return new([]byte) }} //nolint:gochecknoglobals // buffers have no state

const maxScratch = 2 * pieceLen // larger ones are left to the collector

func lend() *[]byte { return scratch.Get().(*[]byte) } //nolint:forcetypeassert // the pool has nothing else

func giveBack(b *[]byte, used []byte) {
	if cap(used) > maxScratch {
		return
	}
	*b = used[:0]
	scratch.Put(b)
}
