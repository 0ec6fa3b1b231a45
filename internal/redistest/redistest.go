// Package redistest gives tests a real Redis: the one that runs here, or one of their own
// that they may break.
//
// The first is that of the environment variable KERF_TEST_REDIS, a URL; without, the one on
// 127.0.0.1:6379. The second needs the program redis-server. Where there is none, tests skip, or
// fail if KERF_TEST_COMPLETE is set.
package redistest

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/kerf-go/kerf/internal/porttest"
)

// URL is that of the Redis that runs here. What tests write there must expire.
func URL(t *testing.T) string {
	t.Helper()
	url := cmp.Or(os.Getenv("KERF_TEST_REDIS"), "redis://127.0.0.1:6379/0")
	if err := ping(t.Context(), url); err != nil {
		missing(t, fmt.Sprintf("there is no Redis: start one on 127.0.0.1:6379, or name another one in "+
			"KERF_TEST_REDIS: %v", err))
	}
	return url
}

// Server is a Redis of a test's own, which keeps nothing.
type Server struct {
	URL string

	port string
	cmd  *exec.Cmd // nil: it does not run
}

// New starts a Server, which ends with the test.
func New(t *testing.T) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		missing(t, fmt.Sprintf("there is no redis-server: install it: %v", err))
	}
	address := porttest.Free(t)
	_, port, _ := net.SplitHostPort(address)
	s := &Server{URL: "redis://" + address + "/0", port: port}
	t.Cleanup(func() { s.Kill(t) })
	s.Start(t)
	return s
}

// Start starts it again, empty, and waits until it answers.
func (s *Server) Start(t *testing.T) {
	t.Helper()
	//nolint:gosec // the port is a free one
	s.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), "redis-server",
		"--bind", "127.0.0.1", "--port", s.port, "--save", "", "--dir", t.TempDir())
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for err := ping(ctx, s.URL); err != nil; err = ping(ctx, s.URL) {
		if ctx.Err() != nil {
			t.Fatalf("redis-server does not answer: %v", err)
		}
	}
}

// Kill ends it as a crash does.
func (s *Server) Kill(t *testing.T) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = s.cmd.Wait() // it was killed
	s.cmd = nil
}

func ping(ctx context.Context, url string) error {
	o, err := redis.ParseURL(url)
	if err != nil {
		return err
	}
	o.MaxRetries = -1
	c := redis.NewClient(o)
	defer c.Close() //nolint:errcheck // nothing is kept
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return c.Ping(ctx).Err()
}

func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("KERF_TEST_COMPLETE") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}
