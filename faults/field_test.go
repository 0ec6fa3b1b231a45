//go:build unix

package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf"
	faultsv1 "github.com/kerf-go/kerf/faults/v1"
	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/run"
)

const (
	inproc = "inproc"
	nats   = "nats"
	udp    = "udp"

	startTimeout = 30 * time.Second
	attemptTime  = time.Second // of the impatient caller
)

// field is what one cell of the matrix plays on: two replicas of the callee as real
// processes, and two callers within the test, which differ in a policy.
type field struct {
	t         *testing.T
	link      string
	behaviour behaviour
	app       kerf.App
	wrong     *wrongdoer // within the test
	folder    string
	files     [2]string // the plan's, of either caller
	broker    *member   // nil: the link has none
	replicas  []*member // the first is the one that suffers; none within a process

	patient, impatient *caller
}

// member is a process of a fleet of its own, so that each can be told something else.
type member struct {
	*fleet.Fleet

	proxy *proxy // before it, or between it and the broker; nil: none
}

func (m *member) pid() int { return m.Status()[0].PID }

func (m *member) url() string { return m.Status()[0].Address }

// proxies say where there are some.
type proxies struct{ replica, callers bool }

func newField(t *testing.T, scheme string, b behaviour, with proxies) *field {
	t.Helper()
	f := &field{t: t, link: scheme, behaviour: b, folder: t.TempDir()}
	f.behaviour.Runs = filepath.Join(f.folder, "runs")
	f.behaviour.Struck = event(filepath.Join(f.folder, "struck"))
	f.behaviour.Healed = event(filepath.Join(f.folder, "healed"))
	f.behaviour.Streams = scheme != udp
	f.app, f.wrong = newApp(f.behaviour)
	f.writePlans()
	toCallers := make(map[string][]string)
	if scheme == nats {
		f.broker = f.start(plan.BrokerProcess, nil)
		toCallers[plan.BrokerProcess] = []string{f.broker.url()}
		if with.callers {
			f.broker.proxy = newProxy(t, f.broker.url())
			toCallers[plan.BrokerProcess] = []string{f.broker.proxy.url}
		}
	}
	for i := range 2 {
		if scheme == inproc {
			break
		}
		at := f.startReplica(with.replica && i == 0)
		if scheme == nats {
			at = through(toCallers[plan.BrokerProcess][0], at)
		}
		toCallers["target"] = append(toCallers["target"], at)
	}
	f.patient = f.call(f.files[0], toCallers)
	f.impatient = f.call(f.files[1], toCallers)
	f.warm()
	return f
}

func (f *field) writePlans() {
	f.t.Helper()
	text := fmt.Sprintf("version: 1\napp: faults\nlink: %s\nprocesses:\n  caller: {services: [caller]}\n"+
		"  target: {services: [target], replicas: 2}\n", f.link)
	if f.link == inproc {
		text = "version: 1\napp: faults\nprocesses: {caller: {services: [caller, target]}}\n"
	}
	for i, more := range []string{"", fmt.Sprintf("policies: {target: {retry: {timeout: %v}}}\n", attemptTime)} {
		f.files[i] = filepath.Join(f.folder, fmt.Sprintf("plan%d.yaml", i))
		if err := os.WriteFile(f.files[i], []byte(text+more), 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
}

// startReplica gives the URL at which callers reach it.
func (f *field) startReplica(behind bool) string {
	f.t.Helper()
	var others fleet.Directory
	var between *proxy
	if f.broker != nil {
		at := f.broker.url()
		if behind {
			between = newProxy(f.t, at)
			at = between.url
		}
		others = fleet.Directory{plan.BrokerProcess: {at}}
	}
	m := f.start("target", others)
	f.replicas = append(f.replicas, m)
	m.proxy = between
	if behind && between == nil {
		m.proxy = newProxy(f.t, m.url())
		return m.proxy.url
	}
	return m.url()
}

// through is the URL of a server by way of another address of its broker.
func through(broker, server string) string {
	_, subject, _ := strings.Cut(strings.TrimPrefix(server, nats+"://"), "/")
	return broker + "/" + subject
}

// start runs a process of the plan until the test ends.
func (f *field) start(process string, others fleet.Directory) *member {
	f.t.Helper()
	self, err := os.Executable()
	if err != nil {
		f.t.Fatal(err)
	}
	how, err := json.Marshal(f.behaviour)
	if err != nil {
		f.t.Fatal(err)
	}
	folder := filepath.Join(f.folder, process)
	fl, err := fleet.New([]fleet.Process{{
		Name: process, Env: []string{processEnv + "=" + string(how)},
		Command: []string{
			self, "run", "--plan", f.files[0], "--process", process, "--data", folder, "--log-level", "error",
		},
	}}, fleet.Options{Stdout: f.t.Output()})
	if err != nil {
		f.t.Fatal(err)
	}
	fl.Tell(others)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- fl.Run(ctx) }()
	f.t.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			f.t.Errorf("process %s: %v", process, err)
		}
	})
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	select {
	case <-fl.Ready():
	case err := <-over:
		over <- nil
		f.t.Fatalf("process %s ended at its start: %v", process, err)
	case <-timer.C:
		f.t.Fatalf("process %s was not ready within %v", process, startTimeout)
	}
	return &member{Fleet: fl}
}

// call starts the caller's process within the test.
func (f *field) call(file string, reached map[string][]string) *caller {
	f.t.Helper()
	batteries := kit.Batteries()
	p, err := plan.Resolve(file, batteries.Model(f.app))
	if err != nil {
		f.t.Fatal(err)
	}
	d := run.NewDirectory(p)
	d.Merge(reached)
	ctx, cancel := context.WithTimeout(f.t.Context(), startTimeout)
	defer cancel()
	process, err := run.Start(ctx, run.Options{
		App: f.app, Batteries: batteries, Plan: p, Process: "caller", Directory: d,
		Data: f.folder, LogOutput: f.t.Output(), LogLevel: slog.LevelError,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		if err := process.Stop(ctx); err != nil {
			f.t.Errorf("stop the caller: %v", err)
		}
	})
	conn, err := process.Conn("target", "caller")
	if err != nil {
		f.t.Fatal(err)
	}
	return &caller{
		field: f, target: faultsv1.NewTargetClient(conn), watching: faultsv1.NewWatchingClient(conn),
	}
}

// pids are those of the replicas that run.
func (f *field) pids() []int {
	if f.link == inproc {
		return []int{os.Getpid()}
	}
	var all []int
	for _, m := range f.replicas {
		all = append(all, m.pid())
	}
	return all
}
