package frame

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// A method that streams on, though its caller takes one answer, is told to stop.
func TestASecondAnswerToAUnaryCallEndsIt(t *testing.T) {
	t.Parallel()
	w := &tape{}
	c := NewCaller(t.Context(), w, 1, call.Request{Method: "/a/b", Unary: true, MaxRecv: 1})
	c.Open()
	if err := c.Send(call.Encoded(nil)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Handle(Frame{Kind: kindData, Call: 1, Payload: make([]byte, 4)}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := c.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	if kinds := w.kinds(t); kinds[len(kinds)-1] != Cancel {
		t.Errorf("it sent frames of the kinds %v", kinds)
	}
}

// A server that is sent a frame above the limit ends all calls beside this one.
func TestMetadataThatFitsNoFrameEndsOnlyItsCall(t *testing.T) {
	t.Parallel()
	for _, unary := range []bool{true, false} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // else Recv waits for an answer
		defer cancel()
		w := &tape{}
		c := NewCaller(ctx, w, 1, call.Request{
			Method: "/a/b", Unary: unary, Header: metadata.Pairs("key", strings.Repeat("x", maxPayload)),
		})
		c.Open()
		_ = c.Send(call.Encoded([]byte("x")))
		_ = c.CloseSend()
		_, err := c.Recv()
		if status.Code(err) != codes.Internal || link.Ran(err) != link.NeverSent || len(w.written) > 0 {
			t.Errorf("unary=%v: %v, %v, and %d bytes were sent", unary, err, link.Ran(err), len(w.written))
		}
	}
}
