package natslink

import (
	"context"
	"net/url"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/linktest"
	"github.com/kerf-go/kerf/link/linktest/cable"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

const heartbeat = 100 * time.Millisecond

func brokerURL(t *testing.T, users ...*natsserver.User) string {
	t.Helper()
	o := &natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoLog: true, NoSigs: true,
		JetStream: true, StoreDir: t.TempDir(), Users: users,
	}
	if len(users) > 0 {
		o.NoAuthUser = users[0].Username
	}
	s, err := natsserver.NewServer(o)
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

func TestDeadPeersAreNoticed(t *testing.T) {
	t.Parallel()
	linktest.DeadPeers(t, linktest.Subject{Link: Link{heartbeat: heartbeat}, URL: brokerURL(t)}, 2*heartbeat)
}

// hanging never answers.
type hanging struct {
	pb.UnimplementedExerciseServer
	running, ended chan struct{}
}

func (h hanging) Unary(ctx context.Context, m *pb.Message) (*pb.Message, error) {
	close(h.running)
	<-ctx.Done()
	close(h.ended)
	return m, nil
}

// The caller of a unary call that was taken by nobody knows whom is told all the same.
func TestAServerThatDiesUnderAUnaryCallIsNoticed(t *testing.T) {
	t.Parallel()
	fast := Link{heartbeat: heartbeat}
	for name, c := range map[string]struct {
		link Link
		end  func(*cable.Cable)
		most time.Duration
	}{
		"when its cable is cut":                          {fast, (*cable.Cable).Cut, 20 * time.Second},
		"when it loses the broker":                       {fast, (*cable.Cable).Break, 20 * time.Second},
		"within the deadline that calls have by default": {Link{}, (*cable.Cable).Cut, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, err := url.Parse(brokerURL(t))
			if err != nil {
				t.Fatal(err)
			}
			l, between := c.link, cable.New(t, at.Host)
			far := *at
			far.Host = between.Addr().String()
			server, err := l.Listen(t.Context(), &far, link.ListenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			h := hanging{running: make(chan struct{}), ended: make(chan struct{})}
			pb.RegisterExerciseServer(server, h)
			served := make(chan error, 1)
			go func() { served <- server.Serve() }()
			t.Cleanup(func() { _, _ = server.Close(), <-served })
			conn, err := l.Dial(at, link.DialOptions{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			ctx, cancel := context.WithTimeout(t.Context(), c.most)
			defer cancel()
			go func() {
				<-h.running
				c.end(between)
			}()
			_, err = pb.NewExerciseClient(conn).Unary(ctx, &pb.Message{})
			if status.Code(err) != codes.Unavailable || link.Ran(err) != link.MayHaveRun {
				t.Errorf("the caller is told %v, %v", err, link.Ran(err))
			}
			select {
			case <-h.ended:
			case <-ctx.Done():
				t.Error("the handler's context does not end")
			}
		})
	}
}

func TestALongUnaryCallGoesOn(t *testing.T) {
	t.Parallel()
	at, err := url.Parse(brokerURL(t))
	if err != nil {
		t.Fatal(err)
	}
	l := Link{heartbeat: heartbeat}
	server, err := l.Listen(t.Context(), at, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pb.RegisterExerciseServer(server, long{})
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() { _, _ = server.Close(), <-served })
	conn, err := l.Dial(at, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := pb.NewExerciseClient(conn).Unary(t.Context(), &pb.Message{}); err != nil {
		t.Error(err)
	}
}

// long answers after many heartbeats.
type long struct{ pb.UnimplementedExerciseServer }

func (long) Unary(_ context.Context, m *pb.Message) (*pb.Message, error) {
	timer := time.NewTimer(10 * heartbeat)
	defer timer.Stop()
	<-timer.C
	return m, nil
}
