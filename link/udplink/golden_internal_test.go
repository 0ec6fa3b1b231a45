package udplink

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
	"github.com/kerf-go/kerf/link/linktest/captures"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// What is drawn at random elsewhere is this in the captures.
const (
	goldenEpoch  = 0x1112131415161718
	goldenClient = 0x2122232425262728
	goldenSecret = "the secret of the captures"

	folder     = "testdata/v1"
	featuresAt = 6 // in each datagram
)

// captured is the service of the captures, which can be made to wait.
type captured struct{ captures.Service }

func (c captured) Unary(ctx context.Context, m *pb.Message) (*pb.Message, error) {
	if m.GetText() == "wait" {
		<-ctx.Done()
	}
	return c.Service.Unary(ctx, m)
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
			answered(t, r, captures.Read(t, folder, name))
		})
	}
}

// answered plays the client of a capture to a server.
func answered(t *testing.T, r *raw, parts []captures.Part) {
	t.Helper()
	for i, p := range parts {
		if !p.FromClient {
			continue
		}
		if i+1 == len(parts) || parts[i+1].FromClient {
			if got := r.take(p.Bytes); got != nil {
				t.Errorf("part %d is answered: %x", i, got)
			}
			continue
		}
		var got []byte
		eventually(t, "the server answers", func() bool { // who asks again until the call has ended
			got = r.take(p.Bytes)
			return kindOf(t, got) == kindOf(t, parts[i+1].Bytes)
		})
		if want := parts[i+1].Bytes; !bytes.Equal(got, want) {
			t.Errorf("part %d is answered\ngot  %x\nwant %x", i, got, want)
		}
	}
}

// A client of today says what was said then, and understands the answers.
func TestAClientSpeaksAsCaptured(t *testing.T) {
	t.Parallel()
	hello := &pb.Message{Text: "hello"}
	for _, name := range []string{"unary.txt", "failure.txt"} {
		replay(t, name, func(ctx context.Context, client pb.ExerciseClient) { captures.Uses()[name](ctx, t, client) })
	}
	replay(t, "oneway.txt", func(ctx context.Context, client pb.ExerciseClient) {
		if _, err := client.Tell(ctx, hello, link.WithWait(link.Sent)); err != nil {
			t.Error(err)
		}
	})
	replay(t, "cancel.txt", func(ctx context.Context, client pb.ExerciseClient) {
		ctx, cancel := context.WithCancel(ctx)
		defer time.AfterFunc(3*firstPause, cancel).Stop() // it has been repeated by then
		_, err := client.Unary(ctx, &pb.Message{Text: "wait"})
		if status.Code(err) != codes.Canceled || link.Ran(err) != link.MayHaveRun {
			t.Errorf("cancelled: %v, %v", err, link.Ran(err))
		}
	})
	replay(t, "gone.txt", func(ctx context.Context, client pb.ExerciseClient) {
		_, err := client.Unary(ctx, hello)
		wantLost(t, err)
	})
}

// What one side may do in a later version does not trouble the other.
func TestUnknownFeaturesAreIgnored(t *testing.T) {
	t.Parallel()
	const name = "unary.txt"
	answered(t, goldenServer(t), captures.Featured(captures.Read(t, folder, name), true))
	replayed(t, name, captures.Featured(captures.Read(t, folder, name), false),
		func(ctx context.Context, client pb.ExerciseClient) { captures.Uses()[name](ctx, t, client) })
}

func replay(t *testing.T, name string, use func(context.Context, pb.ExerciseClient)) {
	t.Helper()
	replayed(t, name, captures.Read(t, folder, name), use)
}

// replayed plays the server of a capture to a client of today: it answers what was said
// then as it was answered then, and misses what is not said any more.
func replayed(t *testing.T, name string, parts []captures.Part, use func(context.Context, pb.ExerciseClient)) {
	t.Helper()
	var (
		mu   sync.Mutex // guards said
		said = make([]bool, len(parts))
	)
	u := parsed(t, hostile(t, func(d datagram) [][]byte {
		i := slices.IndexFunc(parts, func(p captures.Part) bool { return p.FromClient && d.like(p.Bytes) })
		if i < 0 && d.cancels() { // of a call that ends while the conn is closed
			return nil
		}
		if i < 0 {
			t.Errorf("%s: nobody said then: %+v", name, d)
			return nil
		}
		sameDatagram(t, d, parts[i].Bytes)
		mu.Lock()
		said[i] = true
		mu.Unlock()
		if i+1 == len(parts) || parts[i+1].FromClient {
			return nil
		}
		answer, err := parse(parts[i+1].Bytes)
		if err != nil {
			t.Error(err)
		}
		if answer.kind == welcome {
			answer.nonce = d.nonce
		}
		b := answer.append(nil)
		copy(b[featuresAt:], parts[i+1].Bytes[featuresAt:featuresAt+2])
		return [][]byte{b}
	}))
	d := newDialer(u, link.DialOptions{}, usualDatagram, defaultHeartbeat)
	d.id = goldenClient
	conn, err := call.NewConn(d, u, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	use(captures.Without(t.Context()), pb.NewExerciseClient(conn))
	eventually(t, name+" is said", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for i, p := range parts {
			if p.FromClient && !said[i] {
				return false
			}
		}
		return true
	})
}

// like tells whether a captured datagram is of the same sort.
func (d datagram) like(captured []byte) bool {
	then, err := parse(captured)
	return err == nil && then.kind == d.kind && then.cancels() == d.cancels()
}

func (d datagram) cancels() bool { return len(d.frames) > 4 && d.frames[4] == byte(frame.Cancel) }

// sameDatagram compares all but the nonce, which is drawn at random.
func sameDatagram(t *testing.T, got datagram, captured []byte) {
	t.Helper()
	want, err := parse(captured)
	if err != nil {
		t.Fatal(err)
	}
	if got.kind == hello {
		got.nonce = want.nonce
	}
	captures.Same(t, got.frames, want.frames)
	got.frames, want.frames = nil, nil
	if !bytes.Equal(got.append(nil), want.append(nil)) {
		t.Errorf("\ngot  %+v\nwant %+v", got, want)
	}
}
