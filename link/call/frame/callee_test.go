package frame

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// tape is a wire that keeps what is sent.
type tape struct {
	nowhere
	written []byte
}

func (w *tape) Write(_ context.Context, frames []byte) error {
	w.written = append(w.written, frames...)
	return nil
}

func (w *tape) Push(frames []byte) { w.written = append(w.written, frames...) }

// kinds are those of the frames that were sent.
func (w *tape) kinds(t *testing.T) []Kind {
	t.Helper()
	var kinds []Kind
	for b := w.written; len(b) > 0; {
		f, rest, err := Next(b)
		if err != nil {
			t.Fatalf("after %v: %v", kinds, err)
		}
		kinds, b = append(kinds, f.Kind), rest
	}
	return kinds
}

// A large answer whose caller gives up half-way leaves nothing behind on the wire,
// which other calls share, that is no frame.
func TestAnAnswerThatIsGivenUpHalfWayStaysInFrames(t *testing.T) {
	t.Parallel()
	w := &tape{}
	c := NewCallee(t.Context(), w, 1, Opening{Method: "/a/b", Unary: true}, call.NewTable(link.ListenOptions{}))
	c.pending = make([]byte, 0, maxScratch) // as a call before has left it
	if err := c.SendHeader(metadata.Pairs("key", "value")); err != nil {
		t.Fatal(err)
	}
	sent := make(chan error)
	go func() { sent <- c.Send(call.Encoded(make([]byte, 2*window))) }()
	c.ctx.End(context.Canceled) // there is no credit for all of it
	if err := <-sent; err == nil {
		t.Fatal("all was sent")
	}
	c.finish(call.End{Status: status.New(codes.Canceled, "")})
	if kinds := w.kinds(t); kinds[len(kinds)-1] != End || slices.Index(kinds, End) != len(kinds)-1 {
		t.Errorf("it sent frames of the kinds %v", kinds)
	}
}
