package kerftest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/run"
)

// inside runs the processes of a plan within the test's own process, except for those
// that have a command.
type inside struct {
	t         *testing.T
	app       kerf.App
	plan      *plan.Plan
	data      string
	directory *run.Directory
	programs  programs // empty if no process has a command

	mu        sync.Mutex // guards processes
	processes map[string]*run.Process
}

var _ runner = (*inside)(nil)

var errNoProcess = errors.New("there is no such process")

func newInside(t *testing.T, app kerf.App, p *plan.Plan) *inside {
	t.Helper()
	in := &inside{
		t: t, app: app, plan: p, data: t.TempDir(),
		directory: run.NewDirectory(p), processes: make(map[string]*run.Process),
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	if p.BrokerApart() {
		t.Cleanup(func() { in.end(plan.BrokerProcess) }) // last of all
		if err := in.start(ctx, plan.BrokerProcess, nil); err != nil {
			t.Fatalf("start the broker: %v", err)
		}
	}
	wait := in.launch()
	t.Cleanup(in.stop) // before the programs, which in's processes may call
	for _, q := range p.Processes {
		if q.Command != nil {
			continue
		}
		if err := in.start(ctx, q.Name, nil); err != nil {
			t.Fatalf("start process %s: %v", q.Name, err)
		}
	}
	wait()
	return in
}

// launch starts the processes that have a command. They and those within the test know of
// each other when wait has returned.
func (in *inside) launch() (wait func()) {
	in.t.Helper()
	if !slices.ContainsFunc(in.plan.Processes, func(q plan.Process) bool { return q.Command != nil }) {
		return func() {}
	}
	all, ready := launch(in.t, in.plan, in.data, true)
	in.programs = all
	return func() {
		in.t.Helper()
		ready()
		urls := make(map[string][]string)
		for _, q := range in.plan.Processes {
			if q.Command != nil {
				urls[q.Name] = all.urls(q.Name)
			}
		}
		in.directory.Merge(urls)
		in.tell()
	}
}

// tell lets the programs know where the other processes are.
func (in *inside) tell() {
	if in.programs.Fleet == nil {
		return
	}
	others := make(fleet.Directory)
	in.mu.Lock()
	for name, p := range in.processes {
		others[name] = p.URLs()
	}
	in.mu.Unlock()
	in.programs.Tell(others)
}

// start starts a process, where it was before if it was.
func (in *inside) start(ctx context.Context, name string, before *run.Process) error {
	o := run.Options{
		App: in.app, Batteries: kit.Batteries(), Plan: in.plan, Process: name, Directory: in.directory,
		Data: in.data, Web: "127.0.0.1:0", LogOutput: in.t.Output(),
	}
	if name == plan.BrokerProcess {
		o.Data = filepath.Join(in.data, name)
	}
	if before != nil {
		o.Listen, o.Web, o.Admin = before.URLs(), before.Web(), before.Admin()
	}
	p, err := run.Start(ctx, o)
	if err != nil {
		return err
	}
	in.mu.Lock()
	in.processes[name] = p
	in.mu.Unlock()
	in.directory.Merge(map[string][]string{name: p.URLs()})
	in.tell()
	return p.Ready(ctx)
}

// stop drains all, in an order that lets callers finish first: the pages, then
// the rest. A process that does not drain in time fails the test.
func (in *inside) stop() {
	in.end(slices.DeleteFunc(run.StopOrder(in.plan), func(name string) bool { return name == plan.BrokerProcess })...)
}

func (in *inside) end(names ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	for _, name := range names {
		if p := in.process(name); p != nil {
			if err := p.Stop(ctx); err != nil {
				in.t.Errorf("stop process %s: %v", name, err)
			}
		}
	}
}

func (in *inside) process(name string) *run.Process {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.processes[name]
}

func (in *inside) urls(process string) []string {
	if p := in.process(process); p != nil {
		return p.URLs()
	}
	if in.programs.Fleet != nil {
		return in.programs.urls(process)
	}
	return nil
}

func (in *inside) web() string {
	for _, q := range in.plan.Processes {
		if p := in.process(q.Name); p != nil && p.Web() != "" {
			return p.Web()
		}
	}
	return ""
}

func (in *inside) local(process, service string) (grpc.ClientConnInterface, error) {
	p := in.process(process)
	if p == nil {
		return nil, fmt.Errorf("process %s does not run", process)
	}
	return p.Conn(service, "kerftest")
}

// kill stops without waiting: the closest to kill -9 that one process can do to a
// part of itself.
func (in *inside) kill(ctx context.Context, name string) error {
	if in.programs.has(name) {
		return in.programs.Kill(ctx, name)
	}
	p := in.process(name)
	if p == nil {
		return errNoProcess
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cancel()
	_ = p.Stop(ctx) // that it did not drain is what was asked for
	return nil
}

func (in *inside) restart(ctx context.Context, name string) error {
	if in.programs.has(name) {
		return in.programs.Restart(ctx, name)
	}
	p := in.process(name)
	if p == nil {
		return errNoProcess
	}
	if err := in.kill(ctx, name); err != nil {
		return err
	}
	return in.start(ctx, name, p)
}

func (in *inside) replace(ctx context.Context, name string) error {
	if in.programs.has(name) {
		return in.programs.Replace(ctx, name)
	}
	old := in.process(name)
	if old == nil {
		return errNoProcess
	}
	if err := in.plan.Single(name); err != nil {
		return err
	}
	if err := in.start(ctx, name, nil); err != nil {
		return err
	}
	return old.Stop(ctx)
}
