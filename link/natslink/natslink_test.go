package natslink_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/kerf-go/kerf/link/linktest"
	"github.com/kerf-go/kerf/link/natslink"
)

// broker runs a broker until the test ends, and gives the URL of a subject.
func broker(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		JetStream: true, StoreDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the broker is not ready")
	}
	return s.ClientURL() + "/test"
}

func TestCallsOverNATSBehaveAsGRPC(t *testing.T) {
	t.Parallel()
	linktest.Exercise(t, linktest.Subject{Link: natslink.Link{}, URL: broker(t)})
}
