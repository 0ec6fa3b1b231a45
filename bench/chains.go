package main

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/balance"
	pb "github.com/kerf-go/kerf/bench/echo/v1"
	"github.com/kerf-go/kerf/kit"
	kerflink "github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/seam"
	"github.com/kerf-go/kerf/telemetry"
)

// The same link under the seam's chains: without any policy, and with ever more of what a plan has
// by default. Their callers set no deadline. The last has none of the policies, but what comes
// with them: a deadline, and two replicas that take turns.
const (
	plain    = " without"
	guarded  = " with policies"
	bounded  = " with policies and deadline"
	balanced = " with policies, deadline and two replicas"
	bare     = " with deadline and two replicas"
)

// chain is a link as a plan uses it.
type chain struct {
	name     string   // of the link
	listen   []string // a URL for each replica
	policies func(method string) policy.Settings
	balanced bool          // replicas are chosen by how busy they are, and do not take turns
	deadline time.Duration // 0: none
}

// chains are the links as a plan uses them, and grpc-go alone.
func chains(broker string) []subject {
	all := append(make([]subject, 0, 30), //nolint:mnd // five for each link
		subject{grpcGo + plain, startGRPC}, subject{grpcGo + bare, startTwoGRPC})
	none := func(string) policy.Settings { return policy.Settings{} }
	defaults := func(string) policy.Settings { return policy.Defaults() }
	for _, l := range []struct{ name, url string }{
		{"inproc", "inproc://"},
		{"http", "http://127.0.0.1:0"},
		{"grpc", "grpc://127.0.0.1:0"},
		{"tcp", "tcp://127.0.0.1:0"},
		{"nats", broker + "/"},
		{"udp", "udp://127.0.0.1:0"},
	} {
		one := []string{named(l.url, "one")}
		all = append(all,
			subject{l.name + plain, chain{l.name, []string{named(l.url, "plain")}, none, false, 0}.start},
			subject{l.name + guarded, chain{l.name, []string{named(l.url, "guarded")}, defaults, false, 0}.start},
			subject{l.name + bounded, chain{l.name, one, defaults, false, standard}.start})
		if l.name != "inproc" { // within a process there are no replicas
			two := []string{named(l.url, "two"), named(l.url, "three")}
			turns := []string{named(l.url, "four"), named(l.url, "five")}
			all = append(all,
				subject{l.name + balanced, chain{l.name, two, defaults, true, standard}.start},
				subject{l.name + bare, chain{l.name, turns, none, false, standard}.start})
		}
	}
	return all
}

// standard is the deadline that a plan gives calls by default.
const standard = 5 * time.Second

// named gives a link with names a name of its own; others have ports.
func named(url, name string) string {
	if url[len(url)-1] == '/' {
		return url + name
	}
	return url
}

// start carries the call over a link and both chains of the seam.
func (c chain) start(ctx context.Context) (say, error) {
	tel, err := telemetry.New(ctx, telemetry.Options{LogOutput: io.Discard})
	if err != nil {
		return nil, err
	}
	s, err := seam.New(tel)
	if err != nil {
		return nil, err
	}
	serves := []*grpc.ServiceDesc{&pb.Echo_ServiceDesc}
	unaryIn, _ := s.Inbound(seam.InboundOptions{
		Link: c.name, Serves: map[string][]*grpc.ServiceDesc{"echo": serves}, Callers: []string{"bench"},
		Policy: c.policies,
	})
	urls := make([]string, 0, len(c.listen))
	for _, url := range c.listen {
		server, err := kit.Listen(ctx, url, kerflink.ListenOptions{Unary: unaryIn})
		if err != nil {
			return nil, err
		}
		pb.RegisterEchoServer(server, echo{})
		go func() { _ = server.Serve() }()
		context.AfterFunc(ctx, func() { _ = server.Close() })
		urls = append(urls, server.URL())
	}
	conn, err := c.dial(ctx, urls)
	if err != nil {
		return nil, err
	}
	unary, _ := s.Outbound(seam.OutboundOptions{
		Caller: "bench", Callee: "echo", Link: c.name, Serves: serves, Policy: c.policies,
		Deadline: func(string) time.Duration { return c.deadline },
	})
	intercepted, err := call.Intercept(conn, c.name+"://echo", unary, nil)
	if err != nil {
		return nil, err
	}
	return stub(pb.NewEchoClient(intercepted)), nil
}

// dial reaches all replicas.
func (c chain) dial(ctx context.Context, urls []string) (grpc.ClientConnInterface, error) {
	one := func(url string) (kerflink.Conn, error) { return kit.Dial(url, kerflink.DialOptions{}) }
	if c.balanced {
		all := balance.New(one, balance.Options{})
		all.Update(urls)
		context.AfterFunc(ctx, func() { _ = all.Close() })
		return picking{Balancer: all}, nil
	}
	all := new(turning)
	for _, url := range urls {
		conn, err := one(url)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() })
		all.conns = append(all.conns, conn)
	}
	return all, nil
}

// turning is conns that take turns.
type turning struct {
	unaryOnly

	conns []grpc.ClientConnInterface
	calls atomic.Uint64
}

func (t *turning) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return t.conns[t.calls.Add(1)%uint64(len(t.conns))].Invoke(ctx, method, args, reply, opts...)
}

// picking is a conn to a replica that is picked for each call.
type picking struct {
	unaryOnly
	*balance.Balancer
}

func (p picking) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	c, err := p.Pick(ctx, opts...)
	if err != nil {
		return err
	}
	return c.Invoke(ctx, method, args, reply, opts...)
}

// unaryOnly is a conn without streams.
type unaryOnly struct{}

func (unaryOnly) NewStream(
	context.Context, *grpc.StreamDesc, string, ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return nil, errors.ErrUnsupported
}
