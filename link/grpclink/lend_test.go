package grpclink_test

import (
	"context"
	"net/url"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/grpclink"
	"github.com/kerf-go/kerf/link/httplink"
	"github.com/kerf-go/kerf/link/inproc"
	"github.com/kerf-go/kerf/link/linktest"
	"github.com/kerf-go/kerf/link/natslink"
	"github.com/kerf-go/kerf/link/tcplink"
	"github.com/kerf-go/kerf/link/udplink"
)

// subjects are the links that concrete types are lent over.
func subjects(t *testing.T) map[string]linktest.Subject {
	t.Helper()
	return map[string]linktest.Subject{
		"inproc": {Link: inproc.Link{}, URL: "inproc://"},
		"http":   {Link: httplink.Link{}, URL: "http://127.0.0.1:0"},
		"grpc":   {Link: grpclink.Link{}, URL: "grpc://127.0.0.1:0"},
		"tcp":    {Link: tcplink.Link{}, URL: "tcp://127.0.0.1:0"},
		"udp":    {Link: udplink.Link{}, URL: "udp://127.0.0.1:0"},
		"nats":   {Link: natslink.Link{}, URL: broker(t) + "/lent"},
	}
}

// broker runs a broker until the test ends.
func broker(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir(),
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
	return s.ClientURL()
}

// lent is a link whose conns and servers are lent concrete types.
type lent struct{ link.Link }

func (l lent) Dial(u *url.URL, o link.DialOptions) (link.Conn, error) {
	conn, err := l.Link.Dial(u, o)
	if err != nil {
		return nil, err
	}
	return grpclink.ClientConn(conn), nil
}

func (l lent) Listen(ctx context.Context, u *url.URL, o link.ListenOptions) (link.Server, error) {
	s, err := l.Link.Listen(ctx, u, o)
	if err != nil {
		return nil, err
	}
	return &lentServer{Server: s, grpc: grpclink.Server(s)}, nil
}

type lentServer struct {
	link.Server

	mu   sync.Mutex // guards grpc's table of services
	grpc *grpc.Server
}

// RegisterService takes mistakes elsewhere: grpc-go ends the process for one.
func (s *lentServer) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, twice := s.grpc.GetServiceInfo()[desc.ServiceName]
	served := len(s.Server.GetServiceInfo()) > 0
	if twice || served || !reflect.TypeOf(impl).Implements(reflect.TypeOf(desc.HandlerType).Elem()) {
		s.Server.RegisterService(desc, impl)
		return
	}
	s.grpc.RegisterService(desc, impl)
}

// GetServiceInfo describes both what will be served and what is.
func (s *lentServer) GetServiceInfo() map[string]grpc.ServiceInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grpc.GetServiceInfo()
}

//nolint:paralleltest // some cases count goroutines
func TestLentTypesBehaveAsGRPCOverEveryLink(t *testing.T) {
	for name, subject := range subjects(t) {
		subject.Link = lent{subject.Link}
		t.Run(name, func(t *testing.T) { linktest.Exercise(t, subject) })
	}
}
