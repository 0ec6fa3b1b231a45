package grpclink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// server is a grpc.Server that keeps Kerf's rules.
type server struct {
	*call.Table // what to register at Serve

	mu       sync.Mutex // guards grpc's table of services
	grpc     *grpc.Server
	listener net.Listener
	url      string
	barrier  barrier
	serves   bool
}

var _ link.Server = (*server)(nil)

// handshake bounds how long a connection may take to begin speaking HTTP/2.
const handshake = 5 * time.Second

func listen(ctx context.Context, u *url.URL, o link.ListenOptions, heartbeat time.Duration) (*server, error) {
	if u.Scheme == "grpcs" && o.TLS == nil {
		return nil, fmt.Errorf("listen on %q: grpcs needs a certificate in ListenOptions.TLS", u)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", u, err)
	}
	return newServer(u.Scheme, l, o, heartbeat), nil
}

func newServer(scheme string, l net.Listener, o link.ListenOptions, heartbeat time.Duration) *server {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	b := barrier{logger: o.Logger, outside: true}
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(cmp.Or(o.MaxRecv, link.DefaultMaxRecv)),
		grpc.MaxSendMsgSize(cmp.Or(o.MaxSend, link.DefaultMaxSend)),
		grpc.ConnectionTimeout(handshake),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: heartbeat, Timeout: heartbeat}),
		// Clients may ask for signs of life as often as they like.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: time.Millisecond, PermitWithoutStream: true,
		}),
		grpc.ChainUnaryInterceptor(o.Unary...),
		grpc.ChainStreamInterceptor(slices.Insert(slices.Clone(o.Stream), 0, b.intercept)...),
	}
	for _, h := range o.Stats {
		options = append(options, grpc.StatsHandler(h))
	}
	if scheme == "grpcs" {
		options = append(options, grpc.Creds(credentials.NewTLS(o.TLS)))
	}
	return adopt(grpc.NewServer(options...), scheme, l, o, b)
}

// Serve puts an existing server, with its credentials, interceptors and services,
// behind the interface of every link. What is registered on it directly keeps
// grpc-go's ways with panics and mistakes; what is registered on the link.Server has
// Kerf's. The URL says grpc:// whatever the server's credentials, which don't show.
func Serve(s *grpc.Server, l net.Listener) link.Server {
	return adopt(s, "grpc", l, link.ListenOptions{}, barrier{logger: slog.Default()})
}

func adopt(s *grpc.Server, scheme string, l net.Listener, o link.ListenOptions, b barrier) *server {
	bound := url.URL{Scheme: scheme, Host: l.Addr().String()}
	return &server{Table: call.NewTable(o), grpc: s, listener: l, url: bound.String(), barrier: b}
}

func (s *server) URL() string { return s.url }

func (s *server) Serve() error {
	if err := s.register(); err != nil {
		_ = s.Close()
		return err
	}
	if err := s.grpc.Serve(s.listener); err != nil {
		return fmt.Errorf("serve %s: %w", s.url, err)
	}
	return nil
}

// register hands the services to grpc-go, which would end the process for a mistake.
func (s *server) register() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serves {
		return fmt.Errorf("serve %s: it serves already", s.url)
	}
	s.serves = true
	err := s.Seal()
	there := s.grpc.GetServiceInfo()
	s.Each(func(desc *grpc.ServiceDesc, impl any) {
		if _, twice := there[desc.ServiceName]; twice {
			err = errors.Join(err, fmt.Errorf("register %s: it is registered already", desc.ServiceName))
		}
		if err == nil {
			s.grpc.RegisterService(s.barrier.around(desc), impl)
		}
	})
	return err
}

// GetServiceInfo describes what is registered here and on the grpc.Server.
func (s *server) GetServiceInfo() map[string]grpc.ServiceInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := s.grpc.GetServiceInfo()
	maps.Copy(infos, s.Table.GetServiceInfo())
	return infos
}

// Shutdown refuses new connections and calls, waits for the running calls, and
// ends them when ctx does.
func (s *server) Shutdown(ctx context.Context) error {
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		s.grpc.GracefulStop() // waits, too, for handlers that ignore their context
	}()
	select {
	case <-drained:
		return s.Close()
	case <-ctx.Done():
		_ = s.Close()
		return fmt.Errorf("shutdown %s: calls still run: %w", s.url, ctx.Err())
	}
}

// Close ends every call at once.
func (s *server) Close() error {
	s.grpc.Stop()
	if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) { // grpc-go knows it only once it serves
		return err
	}
	return nil
}
