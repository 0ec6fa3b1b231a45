package inproc

import (
	"io"
	"sync"

	"github.com/kerf-go/kerf/link/call"
)

// window is how many bytes may wait in one direction of a stream before its
// writer waits too: grpc-go's initial flow-control window.
const window = 64 << 10

// overhead is what each waiting message counts beside its bytes, so that empty
// messages are bounded too.
const overhead = 64

// pipe is one direction of a stream, for one writer and one reader.
type pipe struct {
	mu     sync.Mutex // guards queue, size and closed
	queue  []call.Message
	size   int
	closed bool

	readable chan struct{} // a token whenever there may be more to read
	writable chan struct{} // a token whenever there may be more room
}

func newPipe() *pipe {
	return &pipe{readable: make(chan struct{}, 1), writable: make(chan struct{}, 1)}
}

// put adds a message once there is room. It gives false when stop closes first.
func (p *pipe) put(m call.Message, stop <-chan struct{}) bool {
	for {
		p.mu.Lock()
		if p.size < window {
			p.queue = append(p.queue, m)
			p.size += weight(m)
			p.mu.Unlock()
			signal(p.readable)
			return true
		}
		p.mu.Unlock()
		select {
		case <-p.writable:
		case <-stop:
			return false
		}
	}
}

// get takes the next message: io.EOF when there is none and there will be none,
// errWait when there is none yet.
func (p *pipe) get() (call.Message, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		if p.closed {
			return call.Message{}, io.EOF
		}
		return call.Message{}, errWait
	}
	m := p.queue[0]
	p.queue[0] = call.Message{}
	p.queue = p.queue[1:]
	p.size -= weight(m)
	signal(p.writable)
	return m, nil
}

// close tells the reader that no more will come.
func (p *pipe) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	signal(p.readable)
}

func weight(m call.Message) int { return m.Size() + overhead }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
