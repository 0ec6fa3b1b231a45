package natslink

import (
	"context"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/kerf-go/kerf/link/call/frame"
)

// pulse tells of one end of a call whether the other is still there.
type pulse struct {
	heard  atomic.Bool // since the last beat
	silent int         // beats without hearing; only who beats touches it
}

type verdict int

const (
	alive verdict = iota
	ask           // for a sign of life
	dead
)

// mostSilent is how many beats may pass without a word. The caller of a unary call
// learns whom to ask only when the callee has asked first, at its second beat.
const mostSilent = 7

func (p *pulse) beat() verdict {
	if p.heard.Swap(false) {
		p.silent = 0
		return alive
	}
	p.silent++
	if p.silent >= mostSilent {
		return dead
	}
	return ask
}

// probe asks who hears a subject for a sign of life. The error is nats.ErrNoResponders if
// nobody does.
func probe(ctx context.Context, broker *nats.Conn, subject string) error {
	ctx, cancel := context.WithTimeout(ctx, brokerWait)
	defer cancel()
	_, err := broker.RequestWithContext(ctx, subject, frame.AppendNumber(appendPreface(nil, 0), frame.Ping, 0))
	return err
}
