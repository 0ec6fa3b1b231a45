package linktest

import (
	"context"
	"net/url"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// broken is the oracle with one thing wrong: each field, if set, comes between.
type broken struct {
	oracle

	capabilities *link.Capabilities
	dials        func(*link.DialOptions)
	listens      func(*link.ListenOptions)
	options      func([]grpc.CallOption) []grpc.CallOption
	invokes      func(ctx context.Context, next invoke, request, reply any) error
	streams      func(grpc.ClientStream) grpc.ClientStream
	conns        func(link.Conn) link.Conn
	servers      func(link.Server) link.Server
}

// invoke is a call of which only the context and the messages are open.
type invoke func(ctx context.Context, request, reply any) error

var _ link.Link = broken{}

func (b broken) Capabilities() link.Capabilities {
	if b.capabilities != nil {
		return *b.capabilities
	}
	return b.oracle.Capabilities()
}

func (b broken) Dial(u *url.URL, o link.DialOptions) (link.Conn, error) {
	if b.dials != nil {
		b.dials(&o)
	}
	conn, err := b.oracle.Dial(u, o)
	if err != nil {
		return nil, err
	}
	conn = &brokenConn{Conn: conn, broken: b}
	if b.conns != nil {
		conn = b.conns(conn)
	}
	return conn, nil
}

func (b broken) Listen(ctx context.Context, u *url.URL, o link.ListenOptions) (link.Server, error) {
	if b.listens != nil {
		b.listens(&o)
	}
	s, err := b.oracle.Listen(ctx, u, o)
	if err == nil && b.servers != nil {
		s = b.servers(s)
	}
	return s, err
}

type brokenConn struct {
	link.Conn

	broken broken
}

func (c *brokenConn) Invoke(ctx context.Context, method string, request, reply any, opts ...grpc.CallOption) error {
	if c.broken.options != nil {
		opts = c.broken.options(opts)
	}
	next := func(ctx context.Context, request, reply any) error {
		return c.Conn.Invoke(ctx, method, request, reply, opts...)
	}
	if c.broken.invokes == nil {
		return next(ctx, request, reply)
	}
	return c.broken.invokes(ctx, next, request, reply)
}

func (c *brokenConn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	stream, err := c.Conn.NewStream(ctx, desc, method, opts...)
	if err == nil && c.broken.streams != nil {
		stream = c.broken.streams(stream)
	}
	return stream, err
}

// brokenStream is a stream of which some methods are replaced.
type brokenStream struct {
	grpc.ClientStream

	send      func(any) error
	recv      func(any) error
	closeSend func() error
	header    func() (metadata.MD, error)
}

func (s *brokenStream) SendMsg(m any) error {
	if s.send != nil {
		return s.send(m)
	}
	return s.ClientStream.SendMsg(m)
}

func (s *brokenStream) RecvMsg(m any) error {
	if s.recv != nil {
		return s.recv(m)
	}
	return s.ClientStream.RecvMsg(m)
}

func (s *brokenStream) CloseSend() error {
	if s.closeSend != nil {
		return s.closeSend()
	}
	return s.ClientStream.CloseSend()
}

func (s *brokenStream) Header() (metadata.MD, error) {
	if s.header != nil {
		return s.header()
	}
	return s.ClientStream.Header()
}

// without drops the call options of one type.
func without[O grpc.CallOption](opts []grpc.CallOption) []grpc.CallOption {
	return slices.DeleteFunc(slices.Clone(opts), func(o grpc.CallOption) bool {
		_, is := o.(O)
		return is
	})
}

// marking is a conn that gives each error one and the same outcome.
type marking struct {
	link.Conn

	outcome link.Outcome
}

func marks(o link.Outcome) func(link.Conn) link.Conn {
	return func(c link.Conn) link.Conn { return marking{Conn: c, outcome: o} }
}

func (m marking) Invoke(ctx context.Context, method string, request, reply any, opts ...grpc.CallOption) error {
	err := m.Conn.Invoke(ctx, method, request, reply, opts...)
	return link.Mark(status.Convert(err), m.outcome)
}

// deafConn ignores the first Close.
type deafConn struct {
	link.Conn

	once sync.Once // passes the first Close by
}

func (c *deafConn) Close() error {
	var first bool
	c.once.Do(func() { first = true })
	if first {
		return nil
	}
	return c.Conn.Close()
}

// muteServer tells nothing of what is registered.
type muteServer struct{ link.Server }

func (muteServer) GetServiceInfo() map[string]grpc.ServiceInfo { return nil }

// abruptServer drains nothing.
type abruptServer struct{ link.Server }

func (s abruptServer) Shutdown(context.Context) error { return s.Close() }
