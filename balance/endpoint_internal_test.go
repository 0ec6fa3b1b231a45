package balance

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// A pick may meet an Update or Close between its choice and the call.
func TestAnEndpointThatWasChosenMayBeGone(t *testing.T) {
	t.Parallel()
	dialled := 0
	b := New(func(string) (link.Conn, error) {
		dialled++
		return nil, nil //nolint:nilnil // nobody uses it
	}, Options{})
	b.Update([]string{"a"})
	chosen := b.roster.Load().seats[0].endpoint
	b.Update([]string{"b"})
	if chosen.begin() {
		t.Error("a call begins on an endpoint that was left")
	}
	chosen = b.roster.Load().seats[0].endpoint
	if !chosen.begin() {
		t.Error("no call begins on an endpoint that is fine")
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := chosen.connect(); status.Code(err) != codes.Canceled || dialled != 0 {
		t.Errorf("after Close it is dialled %d times: %v", dialled, err)
	}
	chosen.end()
}
