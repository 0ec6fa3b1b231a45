package tcplink_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/kerf-go/kerf/link/linktest/captures"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

const version1 = "testdata/v1"

// A server of today answers a client of version 1 as it was answered then.
func TestAServerAnswersAsCaptured(t *testing.T) {
	t.Parallel()
	for name := range captures.Uses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, serve(t, captures.Service{}))
			for i, p := range captures.Read(t, version1, name) {
				if p.FromClient {
					if _, err := c.Write(p.Bytes); err != nil {
						t.Fatal(err)
					}
					continue
				}
				got := make([]byte, len(p.Bytes))
				if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, p.Bytes) {
					t.Fatalf("part %d: %v\ngot  %x\nwant %x", i, err, got[:n], p.Bytes)
				}
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
			replay(t, captures.Read(t, version1, name), use)
		})
	}
}

// replay plays the server of a capture to a client of today.
func replay(
	t *testing.T, parts []captures.Part, use func(context.Context, *testing.T, pb.ExerciseClient),
) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	played := make(chan struct{})
	go func() {
		defer close(played)
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		play(t, c, parts)
		_, _ = io.Copy(io.Discard, c) // until the client closes
	}()
	conn := dial(t, "tcp://"+l.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	use(captures.Without(ctx), t, pb.NewExerciseClient(conn))
	_ = conn.Close()
	_ = l.Close()
	<-played
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
		got := make([]byte, len(p.Bytes)) // the preface
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, p.Bytes) {
			t.Errorf("%v: %x", err, got)
		}
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
