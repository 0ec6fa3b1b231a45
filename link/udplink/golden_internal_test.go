package udplink

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// What is drawn at random elsewhere is this in the captures.
const (
	goldenNonce  = 0x0102030405060708
	goldenEpoch  = 0x1112131415161718
	goldenClient = 0x2122232425262728
	goldenSecret = "the secret of the captures"
)

// part is one datagram of a capture.
type part struct {
	fromClient bool
	bytes      []byte
}

func capture(t *testing.T, name string) []part {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "v1", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	var parts []part
	for lines := bufio.NewScanner(file); lines.Scan(); {
		direction, digits, _ := strings.Cut(lines.Text(), " ")
		if direction == "#" {
			continue
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part{direction == ">", b})
	}
	if len(parts) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return parts
}

// captured is the service that answers in the captures.
type captured struct{ pb.UnimplementedExerciseServer }

func (captured) Unary(ctx context.Context, m *pb.Message) (*pb.Message, error) {
	switch m.GetText() {
	case "":
		s, err := status.New(codes.Aborted, "fällt aus\r\n").WithDetails(wrapperspb.String("why"))
		if err == nil {
			err = s.Err()
		}
		return nil, err
	case "wait":
		<-ctx.Done()
	}
	md, _ := metadata.FromIncomingContext(ctx)
	return m, errors.Join(grpc.SetHeader(ctx, metadata.MD{"key": md["key"]}),
		grpc.SetTrailer(ctx, metadata.MD{"key-bin": md["key-bin"]}))
}

// goldenServer is the server of the captures.
func goldenServer(t *testing.T) *raw {
	t.Helper()
	r := newRaw(t, captured{})
	secret := hmac.New(sha256.New, []byte(goldenSecret))
	r.server.epoch, r.server.jar = goldenEpoch, &jar{current: secret, previous: secret, since: r.now}
	r.from = netip.MustParseAddrPort("127.0.0.1:9") // where nobody listens: what is kept tells the answer
	return r
}

// A server of today answers a client of version 1 as it was answered then.
func TestAServerAnswersAsCaptured(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"unary.txt", "failure.txt", "oneway.txt", "cancel.txt", "gone.txt", "stale.txt",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := goldenServer(t)
			if name == "gone.txt" { // there is no room to keep an answer
				r.server.memory.size = mostMemory - callerCost - slotCost
			}
			parts := capture(t, name)
			for i, p := range parts {
				if !p.fromClient {
					continue
				}
				if i+1 == len(parts) || parts[i+1].fromClient {
					if got := r.take(p.bytes); got != nil {
						t.Errorf("part %d is answered: %x", i, got)
					}
					continue
				}
				var got []byte
				eventually(t, "the server answers", func() bool { // who asks again until the call has ended
					got = r.take(p.bytes)
					return kindOf(t, got) == kindOf(t, parts[i+1].bytes)
				})
				if want := parts[i+1].bytes; !bytes.Equal(got, want) {
					t.Errorf("part %d is answered\ngot  %x\nwant %x", i, got, want)
				}
			}
		})
	}
}

// A client of today says what was said then, and understands the answers.
func TestAClientSpeaksAsCaptured(t *testing.T) {
	t.Parallel()
	hello, authority := &pb.Message{Text: "hello"}, grpc.CallAuthority("golden")
	replay(t, "unary.txt", func(ctx context.Context, client pb.ExerciseClient) {
		var header, trailer metadata.MD
		ctx = metadata.AppendToOutgoingContext(ctx, "key", "1", "key", "2", "key-bin", "\x00\xff")
		m, err := client.Unary(ctx, hello, grpc.Header(&header), grpc.Trailer(&trailer), authority)
		if err != nil || m.GetText() != "hello" || header["key"][1] != "2" || trailer["key-bin"][0] != "\x00\xff" {
			t.Errorf("%v, %v, %v, %v", m, err, header, trailer)
		}
	})
	replay(t, "failure.txt", func(ctx context.Context, client pb.ExerciseClient) {
		_, err := client.Unary(ctx, &pb.Message{}, authority)
		s := status.Convert(err)
		if s.Code() != codes.Aborted || s.Message() != "fällt aus\r\n" || len(s.Details()) != 1 ||
			link.Ran(err) != link.Answered {
			t.Errorf("%v, %v", err, s.Details())
		}
	})
	replay(t, "oneway.txt", func(ctx context.Context, client pb.ExerciseClient) {
		if _, err := client.Tell(ctx, hello, link.WithWait(link.Sent), authority); err != nil {
			t.Error(err)
		}
	})
	replay(t, "cancel.txt", func(ctx context.Context, client pb.ExerciseClient) {
		ctx, cancel := context.WithCancel(ctx)
		defer time.AfterFunc(3*firstPause, cancel).Stop() // it has been repeated by then
		_, err := client.Unary(ctx, &pb.Message{Text: "wait"}, authority)
		if status.Code(err) != codes.Canceled || link.Ran(err) != link.MayHaveRun {
			t.Errorf("cancelled: %v, %v", err, link.Ran(err))
		}
	})
	replay(t, "gone.txt", func(ctx context.Context, client pb.ExerciseClient) {
		_, err := client.Unary(ctx, hello, authority)
		wantLost(t, err)
	})
}

// replay plays the server of a capture to a client of today: it answers what was said
// then as it was answered then, and misses what is not said any more.
func replay(t *testing.T, name string, use func(context.Context, pb.ExerciseClient)) {
	t.Helper()
	parts := capture(t, name)
	var (
		mu   sync.Mutex // guards said
		said = make([]bool, len(parts))
	)
	u := parsed(t, hostile(t, func(d datagram) [][]byte {
		i := slices.IndexFunc(parts, func(p part) bool { return p.fromClient && says(t, d, p.bytes) })
		if i < 0 {
			t.Errorf("%s: nobody said then: %+v", name, d)
			return nil
		}
		mu.Lock()
		said[i] = true
		mu.Unlock()
		if i+1 == len(parts) || parts[i+1].fromClient {
			return nil
		}
		answer, err := parse(parts[i+1].bytes)
		if err != nil {
			t.Error(err)
		}
		if answer.kind == welcome {
			answer.nonce = d.nonce
		}
		return [][]byte{answer.append(nil)}
	}))
	d := newDialer(u, link.DialOptions{}, usualDatagram, defaultHeartbeat)
	d.id = goldenClient
	conn, err := call.NewConn(d, u, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	use(noDeadline{t.Context()}, pb.NewExerciseClient(conn))
	eventually(t, name+" is said", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for i, p := range parts {
			if p.fromClient && !said[i] {
				return false
			}
		}
		return true
	})
}

// says tells whether a client's datagram is the captured one, but for the order of
// metadata and the nonce.
func says(t *testing.T, got datagram, want []byte) bool {
	t.Helper()
	if got.kind == hello {
		got.nonce = goldenNonce
	}
	then, err := parse(want)
	if err != nil {
		t.Fatal(err)
	}
	frames := [2][]byte{got.frames, then.frames}
	got.frames, then.frames = nil, nil
	if !bytes.Equal(got.append(nil), then.append(nil)) {
		return false
	}
	if bytes.Equal(frames[0], frames[1]) {
		return true
	}
	var openings [2]frame.Opening
	for i := range frames {
		f, rest, err := frame.Next(frames[i])
		if err != nil || f.Kind != frame.Open {
			return false
		}
		if openings[i], err = frame.ParseOpening(f); err != nil {
			return false
		}
		frames[i] = append(openings[i].Append(nil, f.Call)[:14], rest...)
	}
	return bytes.Equal(frames[0], frames[1]) && openings[0].Method == openings[1].Method &&
		sameMetadata(openings[0].Header, openings[1].Header)
}

func sameMetadata(a, b metadata.MD) bool {
	for key := range a {
		if strings.Join(a[key], "\n") != strings.Join(b[key], "\n") {
			return false
		}
	}
	return len(a) == len(b)
}
