package natslink_test

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/linktest/captures"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
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
	names := slices.Collect(maps.Keys(captures.Uses()))
	for _, name := range append(names, "ping.txt", "version.txt") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answered(t, captures.Read(t, version1, name))
		})
	}
}

// answered plays the client of a capture to a server of today.
func answered(t *testing.T, parts []captures.Part) {
	t.Helper()
	b := startBroker(t, nil)
	serve(t, b.url(golden), captures.Service{})
	peer := newPlayer(t, b, nats.NewInbox())
	to := golden
	for i, p := range parts {
		if p.FromClient {
			peer.send(to, p.Bytes)
			continue
		}
		m := peer.next()
		same(t, m.Data, p.Bytes)
		if t.Failed() {
			t.Fatalf("that was message %d", i)
		}
		if m.Reply != "" {
			to = m.Reply
		}
	}
}

// A client of today says what was said then, and understands the answers.
func TestAClientSpeaksAsCaptured(t *testing.T) {
	t.Parallel()
	uses := captures.Uses()
	uses["pinged.txt"], uses["goaway.txt"], uses["refused.txt"] = captures.Chat, gone, captures.Refused
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replay(t, captures.Read(t, version1, name), use)
		})
	}
}

// replay plays the server of a capture to a client of today.
func replay(t *testing.T, parts []captures.Part, use captures.Use) {
	t.Helper()
	b := startBroker(t, nil)
	peer := newPlayer(t, b, golden)
	played := make(chan struct{})
	go func() {
		defer close(played)
		peer.play(parts)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	use(captures.Without(ctx), t, dial(t, b.url(golden)))
	<-played
}

// What one side may do in a later version does not trouble the other.
func TestUnknownFeaturesAreIgnored(t *testing.T) {
	t.Parallel()
	const name = "chat.txt"
	answered(t, captures.Featured(captures.Read(t, version1, name), true))
	replay(t, captures.Featured(captures.Read(t, version1, name), false), captures.Chat)
}

// gone has a stream that its server gives up.
func gone(ctx context.Context, t *testing.T, client pb.ExerciseClient) {
	t.Helper()
	stream, err := client.Chat(ctx)
	if err == nil {
		err = stream.Send(&pb.Message{Text: "hello"})
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	unavailable(t, err, link.MayHaveRun)
	if !strings.Contains(err.Error(), "the server has stopped") {
		t.Error(err)
	}
}

// What version 1 has put into a queue is read today, and today's requests lie there so.

func TestALargeRequestLiesInTheQueueAsCaptured(t *testing.T) {
	t.Parallel()
	b := meanBroker(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := accept(captures.Without(ctx), dial(t, b.url("app.test")), accepted2()); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(b.connect(t))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(ctx, queue)
	if err != nil {
		t.Fatal(err)
	}
	name := ""
	parts := captures.Read(t, version1, "accepted-pieces.txt")
	for i, want := range slices.Backward(parts) {
		got, err := stream.GetMsg(ctx, uint64(i)+1)
		switch {
		case err != nil:
			t.Fatal(err)
		case i == len(parts)-1:
			same(t, got.Data, want.Bytes)
			name = strings.TrimSuffix(got.Header.Get("Kerf-Pieces"), " 25004")
		case got.Subject != "app.test._queue."+name || !bytes.Equal(got.Data, want.Bytes):
			t.Errorf("piece %d on %s has %d bytes", i, got.Subject, len(got.Data))
		}
	}
}

func TestALargeRequestIsReadFromTheQueueAsCaptured(t *testing.T) {
	t.Parallel()
	b := meanBroker(t)
	b.makeQueue(t, jetstream.StreamConfig{Subjects: []string{"app.test._queue", "app.test._queue.*"}})
	raw := b.connect(t)
	parts := captures.Read(t, version1, "accepted-pieces.txt")
	for i, p := range parts {
		m := &nats.Msg{Subject: "app.test._queue.golden", Data: p.Bytes}
		if i == len(parts)-1 {
			m.Subject, m.Header = "app.test._queue", nats.Header{"Kerf-Pieces": {"golden 25004"}}
		}
		if err := raw.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	h := newTaking()
	serve(t, b.url("app.test"), h)
	h.takes(t, accepted2())
	b.empty(t)
}

// accepted2 is the request that the capture has.
func accepted2() *pb.Message { return &pb.Message{Payload: bytes.Repeat([]byte("a"), 25_000)} }

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
	for _, part := range parts {
		if !part.FromClient {
			p.send(to, part.Bytes)
			continue
		}
		m := p.next()
		to = m.Reply
		same(p.t, m.Data, part.Bytes)
	}
}

// same compares messages.
func same(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got[:packetHead], want[:packetHead]) {
		t.Errorf("a message begins with %x instead of %x", got[:packetHead], want[:packetHead])
	}
	captures.Same(t, got[packetHead:], want[packetHead:])
}
