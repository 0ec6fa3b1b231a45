package linktest

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/kerf-go/kerf/link"
)

// oracle is grpc-go over loopback TCP, as a link. It is kept as plain as can be.
type oracle struct{}

var _ link.Link = oracle{}

func (oracle) Scheme() string { return "oracle" }

func (oracle) Capabilities() link.Capabilities { return link.Capabilities{Streams: true} }

func (oracle) Dial(u *url.URL, o link.DialOptions) (link.Conn, error) {
	reconnect := backoff.DefaultConfig
	reconnect.BaseDelay = 10 * time.Millisecond // so that cases need not wait a second
	opts := append(make([]grpc.DialOption, 0, 6+len(o.Stats)),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: time.Second}),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(or(o.MaxRecv, link.DefaultMaxRecv)),
			grpc.MaxCallSendMsgSize(or(o.MaxSend, link.DefaultMaxSend)),
		),
		grpc.WithChainUnaryInterceptor(o.Unary...),
		grpc.WithChainStreamInterceptor(o.Stream...),
		grpc.WithUserAgent(o.UserAgent),
	)
	for _, h := range o.Stats {
		opts = append(opts, grpc.WithStatsHandler(h))
	}
	return grpc.NewClient("passthrough:///"+u.Host, opts...)
}

func (oracle) Listen(ctx context.Context, u *url.URL, o link.ListenOptions) (link.Server, error) {
	var config net.ListenConfig
	lis, err := config.Listen(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	opts := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(or(o.MaxRecv, link.DefaultMaxRecv)),
		grpc.MaxSendMsgSize(or(o.MaxSend, link.DefaultMaxSend)),
		grpc.ChainUnaryInterceptor(o.Unary...),
		grpc.ChainStreamInterceptor(o.Stream...),
	}
	for _, h := range o.Stats {
		opts = append(opts, grpc.StatsHandler(h))
	}
	return &oracleServer{Server: grpc.NewServer(opts...), lis: lis}, nil
}

type oracleServer struct {
	*grpc.Server

	lis  net.Listener
	once sync.Once // closes lis, which grpc only does for one that it serves
}

var _ link.Server = (*oracleServer)(nil)

func (s *oracleServer) URL() string { return "grpc://" + s.lis.Addr().String() }

func (s *oracleServer) Serve() error { return s.Server.Serve(s.lis) }

func (s *oracleServer) Shutdown(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.Stop)
	defer stop()
	s.GracefulStop()
	return context.Cause(ctx)
}

func (s *oracleServer) Close() error {
	s.Stop()
	var err error
	s.once.Do(func() {
		if err = s.lis.Close(); errors.Is(err, net.ErrClosed) {
			err = nil
		}
	})
	return err
}

func or(value, otherwise int) int {
	if value == 0 {
		return otherwise
	}
	return value
}
