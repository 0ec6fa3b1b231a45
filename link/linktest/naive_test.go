package linktest

import (
	"context"
	"net/url"
	"reflect"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/link"
)

// naive is the smallest link inside a process, for unary calls. As it is it
// behaves; each field makes one mistake that such links are prone to.
type naive struct {
	servers *sync.Map // by URL

	shares bool // passes messages without copying
	inline bool // runs the handler on the caller's goroutine
	leaks  bool // hands the caller's context to the handler
	raw    bool // hands the handler's error to the caller
}

var _ link.Link = naive{}

func (naive) Scheme() string { return "naive" }

func (naive) Capabilities() link.Capabilities { return link.Capabilities{} }

func (n naive) Dial(u *url.URL, _ link.DialOptions) (link.Conn, error) {
	return &naiveConn{naive: n, url: u.String()}, nil
}

func (n naive) Listen(_ context.Context, u *url.URL, _ link.ListenOptions) (link.Server, error) {
	return &naiveServer{Server: grpc.NewServer(), naive: n, url: u.String(), closed: make(chan struct{})}, nil
}

// naiveServer borrows what a grpc.Server says of itself.
type naiveServer struct {
	*grpc.Server

	naive  naive
	url    string
	desc   *grpc.ServiceDesc
	impl   any
	once   sync.Once // closes closed
	closed chan struct{}
}

var _ link.Server = (*naiveServer)(nil)

func (s *naiveServer) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.Server.RegisterService(desc, impl)
	s.desc, s.impl = desc, impl
}

func (s *naiveServer) URL() string { return s.url }

func (s *naiveServer) Serve() error {
	s.naive.servers.Store(s.url, s)
	<-s.closed
	return nil
}

func (s *naiveServer) Shutdown(context.Context) error { return s.Close() }

func (s *naiveServer) Close() error {
	s.naive.servers.Delete(s.url)
	s.once.Do(func() { close(s.closed) })
	return nil
}

type naiveConn struct {
	naive naive
	url   string
}

var _ link.Conn = (*naiveConn)(nil)

func (*naiveConn) Close() error { return nil }

func (*naiveConn) NewStream(
	context.Context, *grpc.StreamDesc, string, ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no streams")
}

type naiveAnswer struct {
	reply any
	err   error
}

func (c *naiveConn) Invoke(ctx context.Context, full string, request, reply any, _ ...grpc.CallOption) error {
	method, s, err := c.find(ctx, full)
	if err != nil {
		return err
	}
	if !c.naive.shares {
		request = proto.Clone(request.(proto.Message))
	}
	answers := make(chan naiveAnswer, 1)
	run := func() {
		ctx, cancel := c.context(ctx)
		defer cancel()
		decode := func(into any) error { return c.hand(into, request) }
		made, err := method.Handler(s.impl, ctx, decode, nil)
		if err == nil && !c.naive.shares {
			made = proto.Clone(made.(proto.Message))
		}
		answers <- naiveAnswer{made, err}
	}
	if c.naive.inline {
		run()
	} else {
		go run()
	}
	select {
	case a := <-answers:
		return c.finish(reply, a)
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func (c *naiveConn) finish(reply any, a naiveAnswer) error {
	switch {
	case a.err == nil:
		return c.hand(reply, a.reply)
	case c.naive.raw:
		return a.err
	}
	return status.Error(status.Code(a.err), a.err.Error())
}

// find waits for Serve, which cases start on another goroutine.
func (c *naiveConn) find(ctx context.Context, full string) (*grpc.MethodDesc, *naiveServer, error) {
	for range 1000 {
		if found, ok := c.naive.servers.Load(c.url); ok {
			s := found.(*naiveServer)
			for _, m := range s.desc.Methods {
				if strings.HasSuffix(full, "/"+m.MethodName) {
					return &m, s, nil
				}
			}
			return nil, nil, status.Error(codes.Unimplemented, full)
		}
		pause(ctx, 1e6)
	}
	return nil, nil, status.Error(codes.Unavailable, c.url)
}

func (c *naiveConn) context(caller context.Context) (context.Context, context.CancelFunc) {
	if c.naive.leaks {
		return context.WithCancel(caller)
	}
	md, _ := metadata.FromOutgoingContext(caller)
	ctx, cancel := context.WithCancel(metadata.NewIncomingContext(context.Background(), md))
	stop := context.AfterFunc(caller, cancel)
	return ctx, func() { stop(); cancel() }
}

// hand gives a message over: its fields as they are, or a copy.
func (c *naiveConn) hand(into, from any) error {
	if c.naive.shares {
		reflect.ValueOf(into).Elem().Set(reflect.ValueOf(from).Elem())
		return nil
	}
	proto.Reset(into.(proto.Message))
	proto.Merge(into.(proto.Message), from.(proto.Message))
	return nil
}
