package tcplink_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call/frame"
	"github.com/kerf-go/kerf/link/linktest/captures"
	"github.com/kerf-go/kerf/link/linktest/hostile"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

const preface = "kerf\x01\x01\x00\x00"

// numbers of kinds that only the two ends of a call know
const (
	data   frame.Kind = 2
	piece  frame.Kind = 3
	ending frame.Kind = 6
)

func opening() string {
	return string(frame.Opening{Method: pb.Exercise_Chat_FullMethodName}.Append(nil, 1))
}

func made(k frame.Kind, id uint64, payload string) string {
	return string(frame.Append(nil, frame.Frame{Kind: k, Call: id, Payload: []byte(payload)}))
}

// target is the address of a server, and a good call to it.
func target(t *testing.T) (address string, well func(*testing.T)) {
	t.Helper()
	url := serve(t, captures.Service{})
	return strings.TrimPrefix(url, "tcp://"), hostile.Well(dial(t, url))
}

// A server closes the connection of a client that makes no sense, and serves the
// others.
func TestHostileBytesCloseTheConnection(t *testing.T) {
	t.Parallel()
	address, well := target(t)
	hostile.Bytes(t, address, map[string]string{
		"another protocol":             "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"a version that is too new":    "kerf\x09\x02\x00\x00",
		"versions the wrong way round": "kerf\x01\x02\x00\x00",
		"a frame above the limit":      preface + "\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01",
		"an opening of nothing":        preface + made(frame.Open, 1, ""),
		"an opening with too much":     preface + made(frame.Open, 1, opening()[14:]+"x"),
		"a text longer than its frame": preface + made(frame.Open, 1, strings.Repeat("\xff", 40)),
		"a call opened twice":          preface + opening() + opening(),
		"a frame from the wrong side":  preface + opening() + made(ending, 1, ""),
		"a piece of no message":        preface + opening() + made(piece, 1, "x"),
		"a message that overflows":     preface + opening() + made(data, 1, "\x00\x00\x00\x01xx"),
		"a message that never begins":  preface + opening() + made(data, 1, "\x00\x00\x00\x01"),
		"a message within a message": preface + opening() + made(data, 1, "\x00\x00\x00\x02x") +
			made(data, 1, "\x00\x00\x00\x00"),
		"a ping of the wrong size": preface + made(frame.Ping, 0, "x"),
		"an unknown kind":          preface + opening() + made(99, 1, ""),
	}, well)
}

func TestMoreThanThereIsCreditForClosesTheConnection(t *testing.T) {
	t.Parallel()
	c := connect(t, serve(t, hanging{}))
	message := made(data, 1, string(binary.BigEndian.AppendUint32(nil, 1<<14))+strings.Repeat("x", 1<<14))
	if _, err := io.WriteString(c, preface+opening()); err != nil {
		t.Fatal(err)
	}
	for range 100 { // nobody takes them
		if _, err := io.WriteString(c, message); err != nil {
			break
		}
	}
	hostile.Closed(t, c)
}

func TestRandomBytesHarmNobody(t *testing.T) {
	t.Parallel()
	address, well := target(t)
	hostile.Random(t, address, preface+opening())
	well(t)
}

func TestAPeerThatIsNoServerIsUnavailable(t *testing.T) {
	t.Parallel()
	for name, greeting := range map[string]string{
		"another protocol": "HTTP/1.1 400 Bad Request\r\n\r\n",
		"another version":  "kerf\x09\x08\x00\x00",
		"nothing":          "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pb.NewExerciseClient(dial(t, impostor(t, greeting))).Unary(t.Context(), &pb.Message{})
			if status.Code(err) != codes.Unavailable || link.Ran(err) != link.NeverSent {
				t.Errorf("%v, %v", err, link.Ran(err))
			}
		})
	}
}

// A server that stops making sense ends the calls, and harms nothing else.
func TestAServerThatMakesNoSenseEndsItsCalls(t *testing.T) {
	t.Parallel()
	url := impostor(t, preface+made(ending, 1, "x"))
	_, err := pb.NewExerciseClient(dial(t, url)).Unary(t.Context(), &pb.Message{})
	if status.Code(err) != codes.Unavailable || link.Ran(err) != link.MayHaveRun {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
}

// A caller of a server that does not read is told in time.
func TestAServerThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		if c, err := l.Accept(); err == nil {
			t.Cleanup(func() { _ = c.Close() })
			_, _ = io.WriteString(c, preface)
		}
	}()
	conn := dial(t, "tcp://"+l.Addr().String())
	large := &pb.Message{Payload: make([]byte, 60<<10)}
	const calls = 300 // more than fits the socket's buffers and the link's
	ended := make(chan error, calls)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	for range calls {
		go func() {
			_, err := pb.NewExerciseClient(conn).Unary(ctx, large)
			ended <- err
		}()
	}
	for range calls {
		if err := <-ended; status.Code(err) != codes.DeadlineExceeded {
			t.Fatal(err)
		}
	}
}

type hanging struct{ pb.UnimplementedExerciseServer }

func (hanging) Chat(s pb.Exercise_ChatServer) error {
	<-s.Context().Done()
	return nil
}

// impostor answers each connection with the same bytes, and then listens for ever
// or, if there are none, hangs up.
func impostor(t *testing.T, greeting string) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if greeting == "" {
				_ = c.Close()
				continue
			}
			go func() {
				b := make([]byte, 64<<10)
				_, _ = io.ReadFull(c, b[:len(preface)])
				_, _ = io.WriteString(c, greeting[:min(len(preface), len(greeting))])
				_, _ = c.Read(b)
				_, _ = io.WriteString(c, greeting[min(len(preface), len(greeting)):])
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			}()
		}
	}()
	return "tcp://" + l.Addr().String()
}
