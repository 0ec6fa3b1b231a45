package natslink_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call/frame"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// numbers of kinds that only the two ends of a call know
const (
	data  frame.Kind = 2
	piece frame.Kind = 3
)

// packet is one as the format has it.
func packet(number uint32, frames string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte("kerf\x01\x01\x00\x00"), number), frames...)
}

func opening() string {
	return string(frame.Opening{Method: pb.Exercise_Chat_FullMethodName}.Append(nil, 1))
}

func made(k frame.Kind, payload string) string {
	return string(frame.Append(nil, frame.Frame{Kind: k, Call: 1, Payload: []byte(payload)}))
}

func (b *broker) connect(t *testing.T) *nats.Conn {
	t.Helper()
	c, err := nats.Connect(b.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Whatever is said to a server, a call beside it is answered.
func TestHostileBytesEndInARefusal(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	serve(t, b.url("test"), exercised{})
	client := dial(t, b.url("test"))
	for name, c := range map[string]struct {
		packets []string
		want    frame.Kind // of the last answer
	}{
		"another protocol":              {[]string{"GET / HTTP/1.1\r\n\r\n"}, frame.End},
		"nothing":                       {[]string{""}, frame.End},
		"half a preface":                {[]string{"kerf\x01"}, frame.End},
		"a version of the future":       {[]string{"kerf\x09\x08\x00\x00\x00\x00\x00\x01" + opening()}, frame.End},
		"a packet out of its order":     {[]string{string(packet(2, opening()))}, frame.End},
		"a frame above the limit":       {[]string{string(packet(1, "\xff"+strings.Repeat("\x00", 13)))}, frame.End},
		"an opening of nothing":         {[]string{string(packet(1, made(frame.Open, "")))}, frame.End},
		"a call without an opening":     {[]string{string(packet(1, made(data, "\x00\x00\x00\x00")))}, frame.End},
		"a piece of no message":         {[]string{string(packet(1, opening()+made(piece, "x")))}, frame.GoAway},
		"an unknown kind":               {[]string{string(packet(1, opening()+made(99, "x")))}, frame.GoAway},
		"a call opened twice":           {[]string{string(packet(1, opening()+opening()))}, frame.GoAway},
		"a lost packet":                 {[]string{string(packet(1, opening())), string(packet(3, ""))}, frame.GoAway},
		"another protocol in a call":    {[]string{string(packet(1, opening())), "GET"}, frame.GoAway},
		"half a frame out of the order": {[]string{string(packet(1, opening())), string(packet(0, "x"))}, frame.GoAway},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := b.connect(t)
			inbox := raw.NewInbox()
			answers, err := raw.SubscribeSync(inbox)
			if err != nil {
				t.Fatal(err)
			}
			to := "test"
			var last frame.Frame
			for _, p := range c.packets {
				if err := raw.PublishRequest(to, inbox, []byte(p)); err != nil {
					t.Fatal(err)
				}
				for {
					m, err := answers.NextMsgWithContext(soon(t))
					if err != nil {
						t.Fatal(err)
					}
					if m.Reply != "" {
						to = m.Reply
					}
					if last, _, err = frame.Next(m.Data[12:]); err == nil || len(c.packets) > 1 && p == c.packets[0] {
						break
					}
				}
			}
			if last.Kind != c.want {
				t.Errorf("the last answer is of kind %d, want %d", last.Kind, c.want)
			}
			if _, err := client.Unary(soon(t), &pb.Message{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// A call in a version that the server does not speak has not run, and can be made again
// in one that it does: the answer has the newest.
func TestACallInAnotherVersionIsUnavailable(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	serve(t, b.url("test"), exercised{})
	answer, err := b.connect(t).RequestWithContext(soon(t), "test",
		[]byte("kerf\x09\x08\x00\x00\x00\x00\x00\x01"+opening()))
	if err != nil {
		t.Fatal(err)
	}
	want := packet(1, string(frame.AppendRefusal(nil, 0, status.New(codes.Unavailable, "a message in version 8 of "+
		"Kerf's NATS format, from a program that speaks up to 9: this one speaks 1 to 1"))))
	if !bytes.Equal(answer.Data, want) {
		t.Errorf("got  %q\nwant %q", answer.Data, want)
	}
}

// Who ends the calls of a client that has no name does not end those of all clients.
func TestNobodyEndsTheCallsOfOthers(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	began, release := make(chan struct{}), make(chan struct{})
	serve(t, b.url("test"), exercised{unary: func(ctx context.Context, m *pb.Message) (*pb.Message, error) {
		close(began)
		select {
		case <-release:
			return m, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}})
	answered := make(chan error, 1)
	go func() {
		_, err := dial(t, b.url("test")).Unary(soon(t), &pb.Message{})
		answered <- err
	}()
	<-began
	raw := b.connect(t)
	if err := raw.Publish("test._all", packet(0, made(frame.GoAway, ""))); err != nil {
		t.Fatal(err)
	}
	if _, err := raw.RequestWithContext(soon(t), "test", packet(0, made(frame.Ping, "12345678"))); err != nil {
		t.Fatal(err) // else the server may not have heard of it
	}
	close(release)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// A server answers nobody who can't be answered, nor itself for ever.
func TestNoMessageGoesRoundForEver(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	serve(t, b.url("test"), exercised{})
	raw := b.connect(t)
	for _, p := range [][]byte{
		nil, []byte("x"), packet(0, "x"), packet(1, opening()), packet(1, "x"),
		packet(0, made(frame.Ping, "12345678")), packet(1, made(frame.Ping, "12345678")),
		packet(0, made(frame.Cancel, "")), packet(0, made(frame.GoAway, "")),
	} {
		for _, to := range []string{"test", "test._all", "test._at.x.y"} {
			for _, reply := range []string{"", "test", "test._all", "test._at.x.y", "nobody"} {
				if err := raw.PublishMsg(&nats.Msg{Subject: to, Reply: reply, Data: p}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if _, err := dial(t, b.url("test")).Unary(soon(t), &pb.Message{}); err != nil {
		t.Error(err)
	}
	eventually(t, "silence", func() bool {
		before := heard(t, b)
		for range 10 {
			if err := raw.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		return before == heard(t, b)
	})
}

// heard is how many messages the broker was sent.
func heard(t *testing.T, b *broker) int64 {
	t.Helper()
	v, err := b.Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	return v.InMsgs
}

func TestRandomBytesHarmNobody(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	serve(t, b.url("test"), exercised{})
	raw := b.connect(t)
	const seed, rounds, size = 7, 2000, 400
	random := rand.New(rand.NewPCG(seed, seed))
	for range rounds {
		p := packet(random.Uint32N(2), opening())
		for range random.IntN(size) {
			p = append(p, byte(random.Uint32()))
		}
		p[random.IntN(len(p))] ^= 1 << random.IntN(8)
		to := []string{"test", "test", "test._all", "test._at.x"}[random.IntN(4)]
		if err := raw.PublishRequest(to, raw.NewInbox(), p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dial(t, b.url("test")).Unary(soon(t), &pb.Message{Text: "x"}); err != nil {
		t.Error(err)
	}
}

// A server that makes no sense ends the calls that it is given.
func TestAServerThatMakesNoSenseEndsItsCalls(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	raw := b.connect(t)
	for name, answer := range map[string]string{
		"another protocol": "HTTP/1.1 400 Bad Request\r\n\r\n",
		"another version":  "kerf\x09\x08\x00\x00\x00\x00\x00\x01",
		"a lost packet":    string(packet(2, "")),
		"half a frame":     string(packet(0, "x")),
		"a bad end":        string(packet(1, made(frame.End, "x"))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subject := strings.ReplaceAll(name, " ", "-")
			if _, err := raw.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond([]byte(answer)) }); err != nil {
				t.Fatal(err)
			}
			if err := raw.Flush(); err != nil {
				t.Fatal(err)
			}
			client := dial(t, b.url(subject))
			_, err := client.Unary(soon(t), &pb.Message{})
			unavailable(t, err, link.MayHaveRun)
			_, err = client.Chat(soon(t))
			unavailable(t, err, link.MayHaveRun)
		})
	}
}

// Messages to a reader who takes none stay with the writer.
func TestMemoryIsBoundedWhenNobodyReads(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	held := make(chan struct{})
	serve(t, b.url("test"), exercised{chat: func(pb.Exercise_ChatServer) error {
		<-held
		return nil
	}})
	client := dial(t, b.url("test"))
	ctx, cancel := context.WithCancel(soon(t))
	defer cancel()
	stream, err := client.Chat(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const size, most = 1 << 20, 64 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sent := make(chan int)
	go func() {
		n := 0
		for stream.Send(&pb.Message{Payload: make([]byte, size)}) == nil {
			n++
		}
		sent <- n
	}()
	eventually(t, "others are answered", func() bool {
		_, err := client.Unary(ctx, &pb.Message{})
		return err == nil
	})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > most {
		t.Errorf("%d bytes more", grown)
	}
	cancel()
	if n := <-sent; n > 1 {
		t.Errorf("%d messages of a megabyte were got rid of", n)
	}
	close(held)
}
