package call_test

import (
	"bytes"
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

const (
	unaryMethod = "/kerf.linktest.v1.Exercise/Unary"
	chatMethod  = "/kerf.linktest.v1.Exercise/Chat"
)

// onlyUnary shares the messages of one method.
func onlyUnary(method string) bool { return method == unaryMethod }

func TestMessagesAreCopiedUnlessTheirMethodIsShared(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		shared         func(string) bool
		unary, streams bool // whether the two sides have one memory
	}{
		"copied, as nobody said otherwise":   {nil, false, false},
		"copied, as the method is not named": {func(string) bool { return false }, false, false},
		"shared by one method alone":         {onlyUnary, true, false},
		"shared by a stream":                 {func(m string) bool { return m == chatMethod }, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen *linktestv1.Message // by the handler
			client := connect(t, &handler{
				unary: func(_ context.Context, m *linktestv1.Message) (*linktestv1.Message, error) {
					seen = m
					return m, nil
				},
				chat: func(s linktestv1.Exercise_ChatServer) error {
					m, err := s.Recv()
					if err != nil {
						return err
					}
					seen = m
					return s.Send(m)
				},
			}, link.DialOptions{Shared: c.shared})
			sent := &linktestv1.Message{Payload: []byte("payload"), Tags: []string{"a"}}
			answer, err := client.Unary(t.Context(), sent)
			if err != nil {
				t.Fatal(err)
			}
			wantShared(t, c.unary, sent, seen, answer)
			stream, err := client.Chat(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.Send(sent); err != nil {
				t.Fatal(err)
			}
			if answer, err = stream.Recv(); err != nil {
				t.Fatal(err)
			}
			wantShared(t, c.streams, sent, seen, answer)
		})
	}
}

// wantShared tells whether three messages are alike, and have one memory or three.
func TestLimitsHoldForSharedMessages(t *testing.T) {
	t.Parallel()
	const limit = 100
	tooLong := &linktestv1.Message{Payload: make([]byte, limit)}
	fits := &linktestv1.Message{Payload: make([]byte, limit-2)} // tag and length are two more
	for name, o := range map[string]link.DialOptions{
		"sent": {MaxSend: limit, Shared: onlyUnary}, "received": {MaxRecv: limit, Shared: onlyUnary},
	} {
		client := connect(t, &handler{unary: same}, o)
		if _, err := client.Unary(t.Context(), fits); err != nil {
			t.Errorf("%s: a message of the limit's size: %v", name, err)
		}
		if _, err := client.Unary(t.Context(), tooLong); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%s: a longer message: %v", name, err)
		}
	}
}

func wantShared(t *testing.T, want bool, sent, seen, answer *linktestv1.Message) {
	t.Helper()
	if !proto.Equal(sent, seen) || !proto.Equal(seen, answer) {
		t.Errorf("sent %v, seen %v, answered %v", sent, seen, answer)
	}
	for what, got := range map[string]bool{
		"the request": &sent.GetPayload()[0] == &seen.GetPayload()[0],
		"the answer":  &seen.GetPayload()[0] == &answer.GetPayload()[0],
	} {
		if got != want {
			t.Errorf("%s is shared: %v, want %v", what, got, want)
		}
	}
}

func same(_ context.Context, m *linktestv1.Message) (*linktestv1.Message, error) { return m, nil }

// BenchmarkMessages measures what the copy at the boundary costs.
func BenchmarkMessages(b *testing.B) {
	for size, payload := range map[string]int{"small": 64, "64KiB": 64 << 10, "1MiB": 1 << 20} {
		for way, shared := range map[string]func(string) bool{"copied": nil, "shared": onlyUnary} {
			b.Run(size+"/"+way, func(b *testing.B) {
				client := connect(b, &handler{unary: same}, link.DialOptions{Shared: shared})
				m := &linktestv1.Message{
					Text: "message", Payload: bytes.Repeat([]byte("x"), payload), Tags: []string{"a", "b", "c", "d"},
				}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := client.Unary(b.Context(), m); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
