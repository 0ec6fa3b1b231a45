// Package survey tests the programs of routeguide from outside, before and after
// their move: what their own client sees, what they log, and what tools see that
// know nothing but reflection.
package survey

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kerf-go/kerf/examples/routeguide/guide"
)

// seen is what the client prints.
const seen = `here is the old sawmill
elsewhere: NotFound: there is nothing to see 1 m east, 1 m north
300 m to the east is the old sawmill
700 m to the east is the lime kiln
1200 m to the east is the charcoal burners' hut
a tour of 1000 m by the old sawmill and the lime kiln
somebody wrote: mind the blade
`

// Program is a server and its client, and any other client of the same address.
type Program struct {
	Serve   guide.Serve
	Visit   guide.Tour
	Address string
	Dial    func(address string) (Conn, error)
}

// Conn is a client's end.
type Conn interface {
	grpc.ClientConnInterface
	io.Closer
}

// Run tests a program.
func Run(t *testing.T, p Program) {
	t.Helper()
	logged := new(log)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	served := make(chan error, 1)
	go func() { served <- p.Serve(ctx, p.Address, slog.New(slog.NewTextHandler(logged, nil))) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	conn, err := p.Dial(p.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	await(ctx, t, conn)
	var out strings.Builder
	if err := p.Visit(ctx, p.Address, &out); err != nil || out.String() != seen {
		t.Errorf("the client ends with %v after\n%swant\n%s", err, &out, seen)
	}
	for _, line := range []string{
		"GetSight code=OK", "GetSight code=NotFound", "ListSights code=OK", "RecordTour code=OK", "Chat code=OK",
	} {
		if !strings.Contains(logged.String(), "method=/routeguide.v1.Guide/"+line) {
			t.Errorf("the interceptors do not log %s but\n%s", line, logged)
		}
	}
	explore(ctx, t, conn)
}

// await waits until the server tells that it is well.
func await(ctx context.Context, t *testing.T, conn Conn) {
	t.Helper()
	reply, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil || reply.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("health: %v, %v", reply, err)
	}
}

// log is a buffer for several goroutines.
type log struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Port is an address of this machine that was free a moment ago.
func Port(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}
