package main

import (
	"context"
	"errors"
	"io"
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
// by default. Their callers set no deadline.
const (
	plain    = " without"
	guarded  = " with policies"
	bounded  = " with policies and deadline"
	balanced = " with policies, deadline and two replicas"
)

// chain is a link as a plan uses it.
type chain struct {
	name     string   // of the link
	listen   []string // a URL for each replica
	policies func(method string) policy.Settings
	deadline time.Duration // 0: none
}

// chains are the links as a plan uses them, the most that it adds last.
func chains(broker string) []subject {
	all := make([]subject, 0, 24) //nolint:mnd // four for each link
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
			subject{l.name + plain, chain{l.name, []string{named(l.url, "plain")}, none, 0}.start},
			subject{l.name + guarded, chain{l.name, []string{named(l.url, "guarded")}, defaults, 0}.start},
			subject{l.name + bounded, chain{l.name, one, defaults, standard}.start})
		if l.name != "inproc" { // within a process there are no replicas
			two := []string{named(l.url, "two"), named(l.url, "three")}
			all = append(all, subject{l.name + balanced, chain{l.name, two, defaults, standard}.start})
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
	conn, err := dial(ctx, urls)
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

// dial reaches one replica, or those that are picked of several.
func dial(ctx context.Context, urls []string) (grpc.ClientConnInterface, error) {
	one := func(url string) (kerflink.Conn, error) { return kit.Dial(url, kerflink.DialOptions{}) }
	if len(urls) > 1 {
		all := balance.New(one, balance.Options{})
		all.Update(urls)
		context.AfterFunc(ctx, func() { _ = all.Close() })
		return picking{all}, nil
	}
	conn, err := one(urls[0])
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return conn, nil
}

// picking is a conn to a replica that is picked for each call.
type picking struct{ *balance.Balancer }

func (p picking) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	c, err := p.Pick(ctx, opts...)
	if err != nil {
		return err
	}
	return c.Invoke(ctx, method, args, reply, opts...)
}

func (picking) NewStream(
	context.Context, *grpc.StreamDesc, string, ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return nil, errors.ErrUnsupported
}
