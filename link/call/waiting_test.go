package call_test

import (
	"context"
	"io"
	"net/url"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func away() error { return call.Unavailable(link.NeverSent, "nobody is there") }

// flighty is a peer that is away, in turn, when it is looked for, when a call is
// opened, and when its message comes. Then it answers.
type flighty struct{ ready, opened, asked int }

func (f *flighty) Ready(context.Context) error {
	if f.ready++; f.ready == 1 {
		return away()
	}
	return nil
}

func (f *flighty) Open(context.Context, call.Request) (call.Transport, error) {
	if f.opened++; f.opened == 1 {
		return nil, away()
	}
	return &answering{peer: f}, nil
}

func (*flighty) Secure() bool { return false }
func (*flighty) Close() error { return nil }

type answering struct {
	peer *flighty
	over bool
}

func (a *answering) Recv() (call.Message, error) {
	if a.over {
		return call.Message{}, io.EOF
	}
	a.over = true
	if a.peer.asked++; a.peer.asked == 1 {
		return call.Message{}, away()
	}
	return call.Encoded(nil), nil
}

func (*answering) Send(call.Message) error      { return nil }
func (*answering) CloseSend() error             { return nil }
func (*answering) Header() (metadata.MD, error) { return nil, nil } //nolint:nilnil // there is none
func (*answering) Trailer() metadata.MD         { return nil }
func (*answering) Peer() *peer.Peer             { return nil }

// A call that waits for its peer is repeated for as long as nobody has seen it.
func TestACallThatWaitsIsRepeatedUntilSomebodyIsThere(t *testing.T) {
	t.Parallel()
	for wait, want := range map[bool]codes.Code{true: codes.OK, false: codes.Unavailable} {
		synctest.Test(t, func(t *testing.T) {
			conn, err := call.NewConn(&flighty{}, &url.URL{Scheme: "test"}, link.DialOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			ended := 0
			_, err = linktestv1.NewExerciseClient(conn).Unary(t.Context(), &linktestv1.Message{},
				grpc.WaitForReady(wait), grpc.OnFinish(func(error) { ended++ }))
			if status.Code(err) != want || ended != 1 {
				t.Errorf("WaitForReady(%v): %v, and it ended %d times", wait, err, ended)
			}
		})
	}
}
