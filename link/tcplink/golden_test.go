package tcplink_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kerf-go/kerf/link/call/frame"
	"github.com/kerf-go/kerf/link/linktest/captures"
	"github.com/kerf-go/kerf/link/linktest/hostile"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

const (
	version1 = "testdata/v1"
	patience = 10 * time.Second
)

// goAway is what a server says that stops.
var goAway = frame.Append(nil, frame.Frame{Kind: frame.GoAway})

// A server of today answers a client of version 1 as it was answered then.
func TestAServerAnswersAsCaptured(t *testing.T) {
	t.Parallel()
	names := slices.Collect(maps.Keys(captures.Uses()))
	for _, name := range append(names, "ping.txt", "stopping.txt") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answered(t, captures.Read(t, version1, name))
		})
	}
}

// answered plays the client of a capture to a server of today.
func answered(t *testing.T, parts []captures.Part) {
	t.Helper()
	s := start(t, captures.Service{})
	c := connect(t, s.URL())
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var stop sync.WaitGroup
	for i, p := range parts {
		switch {
		case p.FromClient:
			if _, err := c.Write(p.Bytes); err != nil {
				t.Fatal(err)
			}
			continue
		case i == 1:
			readPreface(t, c, p.Bytes)
			continue
		case bytes.Equal(p.Bytes, goAway):
			stop.Go(func() {
				if err := s.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		captures.Same(t, readFrame(t, c), p.Bytes)
		if t.Failed() {
			t.Fatalf("that was part %d", i)
		}
	}
	_ = c.Close()
	stop.Wait()
}

// A client of today says what was said then, and understands the answers.
func TestAClientSpeaksAsCaptured(t *testing.T) {
	t.Parallel()
	uses := captures.Uses()
	uses["pinged.txt"], uses["goaway.txt"] = captures.Chat, captures.Chat
	uses["refused.txt"] = captures.Refused
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replay(t, captures.Read(t, version1, name), use, name == "goaway.txt")
		})
	}
}

// What one side may do in a later version does not trouble the other.
func TestUnknownFeaturesAreIgnored(t *testing.T) {
	t.Parallel()
	const name = "unary.txt"
	answered(t, captures.Featured(captures.Read(t, version1, name), true))
	replay(t, captures.Featured(captures.Read(t, version1, name), false), captures.Uses()[name], false)
}

// replay plays the server of a capture to a client of today, who may have to leave by
// itself.
func replay(t *testing.T, parts []captures.Part, use captures.Use, leaves bool) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	played, left := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			close(played)
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		play(t, c, parts)
		close(played)
		hostile.Closed(t, c)
	}()
	conn := dial(t, "tcp://"+l.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	use(captures.Without(ctx), t, pb.NewExerciseClient(conn))
	<-played
	if leaves {
		<-left
	}
	_ = conn.Close()
	_ = l.Close()
	<-left
}

func play(t *testing.T, c net.Conn, parts []captures.Part) {
	t.Helper()
	for i, p := range parts {
		if !p.FromClient {
			if _, err := c.Write(p.Bytes); err != nil {
				t.Error(err)
			}
			continue
		}
		if i > 0 {
			captures.Same(t, readFrame(t, c), p.Bytes)
			continue
		}
		readPreface(t, c, p.Bytes)
	}
}

func readPreface(t *testing.T, c net.Conn, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v: it begins with %x instead of %x", err, got, want)
	}
}

const maxPayload = 1 << 20

func readFrame(t *testing.T, c net.Conn) []byte {
	t.Helper()
	const header = 14
	b := make([]byte, header, header+maxPayload)
	_, err := io.ReadFull(c, b)
	if err != nil {
		t.Error(err)
		return nil
	}
	b = b[:header+binary.BigEndian.Uint32(b)]
	if _, err := io.ReadFull(c, b[header:]); err != nil {
		t.Error(err)
	}
	return b
}
