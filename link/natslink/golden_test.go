package natslink_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/kerf-go/kerf/link/linktest/captures"
)

const (
	version1   = "testdata/v1"
	packetHead = 12 // what comes before a packet's frames
	golden     = "golden"
	patience   = 10 * time.Second
)

// A server of today answers a client of version 1 as it was answered then.
func TestAServerAnswersAsCaptured(t *testing.T) {
	t.Parallel()
	for name := range captures.Uses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, nil)
			serve(t, b.url(golden), captures.Service{})
			peer := newPlayer(t, b, nats.NewInbox())
			to := golden
			for i, p := range captures.Read(t, version1, name) {
				if p.FromClient {
					peer.send(to, p.Bytes)
					continue
				}
				m := peer.next()
				if !bytes.Equal(m.Data, p.Bytes) {
					t.Fatalf("message %d:\ngot  %x\nwant %x", i, m.Data, p.Bytes)
				}
				to = m.Reply
			}
		})
	}
}

// A client of today says what was said then, and understands the answers.
func TestAClientSpeaksAsCaptured(t *testing.T) {
	t.Parallel()
	for name, use := range captures.Uses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, nil)
			peer := newPlayer(t, b, golden)
			played := make(chan struct{})
			go func() {
				defer close(played)
				peer.play(captures.Read(t, version1, name))
			}()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			use(captures.Without(ctx), t, dial(t, b.url(golden)))
			<-played
		})
	}
}

// player is one side of a call, played from a capture.
type player struct {
	t      *testing.T
	broker *nats.Conn
	own    string // subject
	heard  *nats.Subscription
}

func newPlayer(t *testing.T, b *broker, own string) *player {
	t.Helper()
	c, err := nats.Connect(b.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	s, err := c.SubscribeSync(own)
	if err == nil {
		err = c.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return &player{t, c, own, s}
}

func (p *player) send(to string, b []byte) {
	if err := p.broker.PublishRequest(to, p.own, b); err != nil {
		p.t.Error(err)
	}
}

func (p *player) next() *nats.Msg {
	m, err := p.heard.NextMsg(patience)
	if err != nil {
		p.t.Error(err)
		return &nats.Msg{Data: make([]byte, packetHead)}
	}
	return m
}

// play is a server's side.
func (p *player) play(parts []captures.Part) {
	to := ""
	for i, part := range parts {
		if !part.FromClient {
			p.send(to, part.Bytes)
			continue
		}
		m := p.next()
		to = m.Reply
		if !bytes.Equal(m.Data[:packetHead], part.Bytes[:packetHead]) {
			p.t.Errorf("message %d begins with %x instead of %x", i, m.Data[:packetHead], part.Bytes[:packetHead])
		}
		captures.Same(p.t, m.Data[packetHead:], part.Bytes[packetHead:])
	}
}
