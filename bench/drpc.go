package main

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/protobuf/proto"
	"storj.io/drpc"
	"storj.io/drpc/drpcconn"
	"storj.io/drpc/drpcmux"
	"storj.io/drpc/drpcpool"
	"storj.io/drpc/drpcserver"

	pb "github.com/kerf-go/kerf/bench/echo/v1"
)

// startDRPC is drpc with its own pool of connections, since each carries one call
// at a time. A deadline does not reach its server.
func startDRPC(ctx context.Context) (say, error) {
	l, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	mux := drpcmux.New()
	if err := mux.Register(echo{}, drpcEcho{}); err != nil {
		return nil, err
	}
	go func() { _ = drpcserver.New(mux).Serve(ctx, l) }()

	pool := drpcpool.New[string, *drpcconn.Conn](drpcpool.Options{})
	context.AfterFunc(ctx, func() { _ = pool.Close() })
	conn := pool.Get(ctx, l.Addr().String(), func(ctx context.Context, addr string) (*drpcconn.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		return drpcconn.New(c), nil
	})
	return func(ctx context.Context, m *pb.Message) (*pb.Message, error) {
		reply := new(pb.Message)
		return reply, conn.Invoke(ctx, pb.Echo_Say_FullMethodName, drpcProto{}, m, reply)
	}, nil
}

// drpcEcho describes the service to drpc.
type drpcEcho struct{}

func (drpcEcho) NumMethods() int { return 1 }

func (drpcEcho) Method(int) (string, drpc.Encoding, drpc.Receiver, any, bool) {
	receive := func(impl any, ctx context.Context, in, _ any) (drpc.Message, error) {
		server, known := impl.(pb.EchoServer)
		m, decoded := in.(*pb.Message)
		if !known || !decoded {
			return nil, fmt.Errorf("%T cannot take %T", impl, in)
		}
		return server.Say(ctx, m)
	}
	return pb.Echo_Say_FullMethodName, drpcProto{}, receive, pb.EchoServer.Say, true
}

// drpcProto encodes messages for drpc.
type drpcProto struct{}

func (drpcProto) Marshal(m drpc.Message) ([]byte, error) { return drpcProto{}.MarshalAppend(nil, m) }

func (drpcProto) MarshalAppend(b []byte, m drpc.Message) ([]byte, error) {
	return proto.MarshalOptions{}.MarshalAppend(b, m.(proto.Message)) //nolint:forcetypeassert // nothing else is sent
}

func (drpcProto) Unmarshal(b []byte, m drpc.Message) error {
	return proto.Unmarshal(b, m.(proto.Message)) //nolint:forcetypeassert // nothing else is received
}
