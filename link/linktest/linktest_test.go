package linktest

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestOracleAgainstItself shows that no case depends on chance: the two sides are
// the same library.
func TestOracleAgainstItself(t *testing.T) { //nolint:paralleltest // its first cases count goroutines
	Exercise(t, Subject{Link: oracle{}, URL: "grpc://127.0.0.1:0", plain: true})
}

func TestEveryCaseHasItsOwnName(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, r := range rows() {
		if seen[r.name] {
			t.Errorf("two cases are named %q", r.name)
		}
		seen[r.name] = true
	}
	for _, e := range exceptions() {
		if !seen[e.row] || e.reason == "" || len(e.want) == 0 {
			t.Errorf("exception %q: names no case, or gives no reason, or holds nothing instead", e.row)
		}
	}
}

func TestNoCaseIsDeclaredAway(t *testing.T) {
	t.Parallel()
	for scheme, good := range map[string]bool{"oracle": true, "nobody": false} {
		full := 0
		for _, r := range rows() {
			if excepted(r.name, "oracle") == nil {
				full++
			}
		}
		if err := checkCounts(scheme, full, 0); (err == nil) != good {
			t.Errorf("%s with all its cases: got %v", scheme, err)
		}
		if err := checkCounts(scheme, full-1, 1); err == nil {
			t.Errorf("%s with one case fewer passes", scheme)
		}
	}
}

// humble is the oracle without streams and with short messages.
type humble struct{ oracle }

func (humble) Capabilities() link.Capabilities { return link.Capabilities{MaxMessage: 1000} }

func (h humble) Dial(u *url.URL, o link.DialOptions) (link.Conn, error) {
	o.MaxSend = h.Capabilities().MaxMessage
	conn, err := h.oracle.Dial(u, o)
	return humbleConn{conn}, err
}

func (h humble) Listen(ctx context.Context, u *url.URL, o link.ListenOptions) (link.Server, error) {
	o.MaxSend = h.Capabilities().MaxMessage
	return h.oracle.Listen(ctx, u, o)
}

type humbleConn struct{ link.Conn }

func (c humbleConn) Invoke(ctx context.Context, method string, in, out any, opts ...grpc.CallOption) error {
	md, _ := metadata.FromOutgoingContext(ctx)
	for _, values := range md {
		if len(values[0]) >= (humble{}).Capabilities().MaxMessage {
			return status.Error(codes.ResourceExhausted, "more than 999 bytes of metadata")
		}
	}
	return c.Conn.Invoke(ctx, method, in, out, opts...)
}

func (humbleConn) NewStream(
	context.Context, *grpc.StreamDesc, string, ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no streams here")
}

func TestWhatALinkLacksIsRefused(t *testing.T) {
	t.Parallel()
	s := Subject{Link: humble{}, URL: "grpc://127.0.0.1:0", plain: true}
	for _, r := range rows() {
		if r.beyond(s.Link.Capabilities()) == nil {
			continue
		}
		for _, d := range r.differences(s) {
			t.Errorf("%s: %s", r.name, d)
		}
	}
}

func TestAHangIsAFailure(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	hangs := row{name: "hangs", run: func(*side) { <-release }}
	found := hangs.on(Subject{Link: oracle{}, patience: time.Millisecond}, true).differences(newRecord())
	if len(found) != 1 || !strings.Contains(found[0], "hangs") {
		t.Errorf("got %q, want one hang", found)
	}
}
