package tcplink_test

import (
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/link/tcplink"
)

// serve serves until the test ends, and gives the URL.
func serve(t *testing.T, impl pb.ExerciseServer) string {
	t.Helper()
	return start(t, impl).URL()
}

func start(t *testing.T, impl pb.ExerciseServer) link.Server {
	t.Helper()
	u := &url.URL{Scheme: "tcp", Host: "127.0.0.1:0"}
	server, err := tcplink.Link{}.Listen(t.Context(), u, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pb.RegisterExerciseServer(server, impl)
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return server
}

func dial(t *testing.T, rawURL string) link.Conn {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tcplink.Link{}.Dial(u, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// connect makes a bare connection, without a preface.
func connect(t *testing.T, rawURL string) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(rawURL, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
