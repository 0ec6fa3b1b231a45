package natslink_test

import (
	"context"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/link/natslink"
)

// broker is one that tests stop and start again.
type broker struct {
	options server.Options
	*server.Server
}

// startBroker runs a broker until the test ends.
func startBroker(t *testing.T, change func(*server.Options)) *broker {
	t.Helper()
	b := &broker{options: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir(),
	}}
	if change != nil {
		change(&b.options)
	}
	b.start(t)
	t.Cleanup(b.stop)
	return b
}

func (b *broker) start(t *testing.T) {
	t.Helper()
	o := b.options
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the broker is not ready")
	}
	b.Server, b.options.Port = s, o.Port // the next one has the same
}

func (b *broker) stop() {
	b.Shutdown()
	b.WaitForShutdown()
}

// url is the URL of a subject.
func (b *broker) url(subject string) string { return b.ClientURL() + "/" + subject }

func serve(t *testing.T, rawURL string, impl pb.ExerciseServer) link.Server {
	t.Helper()
	s := listen(t, rawURL, impl)
	start(t, s)
	return s
}

func listen(t *testing.T, rawURL string, impl pb.ExerciseServer) link.Server {
	t.Helper()
	o := link.ListenOptions{Logger: slog.New(slog.DiscardHandler)}
	s, err := natslink.Link{}.Listen(t.Context(), parse(t, rawURL), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	pb.RegisterExerciseServer(s, impl)
	return s
}

func start(t *testing.T, s link.Server) {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func dial(t *testing.T, rawURL string) pb.ExerciseClient {
	t.Helper()
	conn, err := natslink.Link{}.Dial(parse(t, rawURL), link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return pb.NewExerciseClient(conn)
}

func parse(t *testing.T, rawURL string) *url.URL {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// soon bounds what a test waits for.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// eventually asks again until it is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx := soon(t)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !is() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}
