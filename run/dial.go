package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/seam"
)

// inbound is how the process's server of one link behaves.
func (p *Process) inbound(scheme string) link.ListenOptions {
	app := p.options.App
	serves := make(map[string][]*grpc.ServiceDesc, len(app.Services))
	names := make([]string, 0, len(app.Services))
	for _, s := range app.Services {
		serves[s.Name] = s.Serves
		names = append(names, s.Name)
	}
	unary, stream := p.seam.Inbound(seam.InboundOptions{
		Link: scheme, Serves: serves, Callers: names, Policy: p.options.Plan.Policy,
		Unary: app.UnaryServer, Stream: app.StreamServer,
	})
	return link.ListenOptions{Logger: p.tel.Logger(), Unary: unary, Stream: stream, Stats: app.Stats}
}

// dial makes a conn from one service to another, wherever the plan put that one.
func (p *Process) dial(caller, callee string) (grpc.ClientConnInterface, error) {
	i := slices.IndexFunc(p.options.App.Services, func(s kerf.Service) bool { return s.Name == callee })
	if i < 0 {
		return nil, fmt.Errorf("no service %q in the app", callee)
	}
	if p.options.Plan.Home(callee) == "" {
		return nowhere(callee), nil
	}
	conn, scheme, err := p.carrier(caller, callee)
	if err != nil {
		return nil, err
	}
	p.closers.add(func(context.Context) error { return conn.Close() })
	app := p.options.App
	unary, stream := p.seam.Outbound(seam.OutboundOptions{
		Caller: caller, Callee: callee, Link: scheme, Serves: app.Services[i].Serves,
		Deadline: p.deadline, Wait: p.waits(caller, callee), Policy: p.options.Plan.Policy,
		Unary: app.UnaryClient, Stream: app.StreamClient,
	})
	chain, err := call.Intercept(conn, scheme+"://"+callee, unary, stream)
	if err != nil {
		return nil, err
	}
	p.closers.add(func(context.Context) error {
		chain.Close()
		return nil
	})
	return chain, nil
}

func (p *Process) deadline(method string) time.Duration {
	return p.options.Plan.Deadline(strings.TrimPrefix(method, "/"))
}

// waits tells what the plan says of the methods through which one service calls
// another. Who is no service of the app waits for every reply.
func (p *Process) waits(caller, callee string) func(method string) link.Wait {
	waits := make(map[string]link.Wait)
	for _, c := range p.options.Plan.Calls {
		if c.From == caller && c.To == callee {
			waits["/"+c.Method] = c.Wait
		}
	}
	return func(method string) link.Wait { return waits[method] }
}

// carrier is the bare conn to a service: within the process, or to another one.
func (p *Process) carrier(caller, callee string) (conn link.Conn, scheme string, err error) {
	home := p.options.Plan.Home(callee)
	o := link.DialOptions{Stats: p.options.App.Stats, Shared: p.options.Plan.Shared}
	if home == p.spec.Name {
		conn, err = p.options.Batteries.Dial(p.local.URL(), o)
		return conn, inProcess, err
	}
	process, _ := p.options.Plan.Process(home)
	links := make(map[string]string)
	for _, c := range p.options.Plan.Calls {
		if c.From == caller && c.To == callee {
			links["/"+c.Method] = c.Link
		}
	}
	by := func(method string) string {
		if l := links[method]; l != "" {
			return l
		}
		return process.Link
	}
	dial := func(url string) (link.Conn, error) {
		return p.options.Batteries.Dial(withPassword(p.options.Plan, url), o)
	}
	r := newRemote(p.options.Directory, home, by, dial)
	r.options = p.options.Plan.Balance(callee)
	r.options.Observe = p.seam.Balanced(caller, callee, r.endpoints)
	return r, process.Link, nil
}
