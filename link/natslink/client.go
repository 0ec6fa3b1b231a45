package natslink

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/peer"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
)

// client is a connection to the broker, for the calls of one conn.
type client struct {
	broker  *nats.Conn
	subject string
	first   string // subject of the first packets: the same, or one server's
	inbox   string // of all answers: the number of the call follows
	room    int    // bytes of frames that a message takes
	peer    *peer.Peer
	calls   frame.Calls[uint64, *clientCall]
	number  atomic.Uint64 // of the last call
	closed  chan struct{} // by the broker, or by End
	work    sync.WaitGroup
}

func newClient(d *dialer) (*client, error) {
	c := &client{
		subject: subjectOf(d.url), first: calledAt(d.url), inbox: nats.NewInbox() + ".",
		closed: make(chan struct{}),
	}
	settings := d.settings
	settings.ClosedCB = c.lost
	settings.AsyncErrorCB = func(*nats.Conn, *nats.Subscription, error) {} // packets tell what is missing
	broker, err := connect(settings, d.url)
	if err != nil {
		return nil, err
	}
	c.broker, c.room, c.peer = broker, int(broker.MaxPayload())-prefaceLen, peerOf(d.url, broker)
	if _, err := broker.Subscribe(c.inbox+"*", c.take); err != nil {
		broker.Close()
		return nil, fmt.Errorf("listen for answers: %w", err)
	}
	c.work.Go(func() { c.beat(d.every) })
	return c, nil
}

// open begins a call. It gives nil when no more can begin.
func (c *client) open(ctx context.Context, r call.Request) *clientCall {
	number := c.number.Add(1)
	var digits [20]byte
	opened := &clientCall{
		client: c, number: number, reply: c.inbox + string(strconv.AppendUint(digits[:0], number, 10)),
	}
	opened.heard.Store(true)
	opened.caller = frame.NewCaller(ctx, opened, number, r)
	if !c.calls.Add(number, opened) {
		return nil
	}
	opened.caller.Open()
	return opened
}

// take hands an answer to its call.
func (c *client) take(m *nats.Msg) {
	number, err := strconv.ParseUint(m.Subject[len(c.inbox):], 10, 64)
	if opened, ok := c.calls.Get(number); ok && err == nil {
		opened.take(m)
	} else if m.Reply != "" { // somebody works for nobody
		_ = publish(c.broker, m.Reply, "", 0, frame.Append(nil, frame.Frame{Kind: frame.Cancel, Call: number}))
	}
}

// beat looks after the calls until the connection ends.
func (c *client) beat(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-c.closed:
			return
		}
		for _, opened := range c.calls.All() {
			opened.look(every)
		}
	}
}

func (c *client) nobody() error {
	return call.Unavailable(link.NeverSent, "nobody serves the subject %s", c.first)
}

// lost is told once that the connection has ended.
func (c *client) lost(broker *nats.Conn) {
	err := call.Unavailable(link.MayHaveRun, "the connection to the broker was lost: %v", broker.LastError())
	for _, opened := range c.calls.Close() {
		opened.caller.Lose(err, link.MayHaveRun)
	}
	close(c.closed)
}

// Usable tells whether calls may begin.
func (c *client) Usable() bool { return c.calls.Open() && c.broker.IsConnected() }

// End ends the calls of a conn that was closed, and tells the servers.
func (c *client) End() {
	for _, opened := range c.calls.Close() {
		opened.caller.Lose(call.Closed(link.MayHaveRun), link.MayHaveRun)
	}
	_ = publish(c.broker, everywhere(c.subject), c.inbox, 0, frame.Append(nil, frame.Frame{Kind: frame.GoAway}))
	_ = c.broker.FlushTimeout(brokerWait)
	c.broker.Close()
}

// Wait waits for the end.
func (c *client) Wait() {
	<-c.closed
	c.work.Wait()
}
