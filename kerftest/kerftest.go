// Package kerftest runs an app under plans in tests: its processes inside the
// test's own process, over real links, or as real processes that can be killed.
//
//	func TestMain(m *testing.M) { kerftest.Main(m, app()) }
//
//	func TestGreeting(t *testing.T) {
//		kerftest.Run(t, app(), []string{"", "plans/http.yaml"}, func(t *testing.T, env *kerftest.Env) {
//			client := pb.NewGreeterClient(env.Conn("greeter"))
//			...
//		})
//	}
//
// The first plan, "", is no plan: everything in one process. A process with a command is
// a real one under Run too. Stores are SQLite
// files in a folder of the test's own, and pages get a port that is free.
package kerftest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/plan"
)

// childEnv marks a test binary that a fleet has started as one of its processes.
const childEnv = "KERFTEST_PROCESS"

// Main runs the tests of a package, or, if the test binary was started by
// Processes, one process of the app. TestMain calls it; it does not return. Tests that carry
// out commands of the app's own say more.
func Main(m *testing.M, app kerf.App, more ...kit.Command) {
	if os.Getenv(childEnv) != "" {
		kit.Main(app, more...)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Env is an app that runs under a plan for one test. Its methods fail the test
// instead of returning errors; they are safe for concurrent use, from the test's
// own goroutine only where they may fail.
type Env struct {
	t      *testing.T
	plan   *plan.Plan
	runner runner
}

// runner is how the processes run: inside the test, or as real ones.
type runner interface {
	// urls are where a process is called from outside; empty: nowhere.
	urls(process string) []string
	web() string
	// local reaches a service of a process that nobody calls from outside.
	local(process, service string) (grpc.ClientConnInterface, error)
	kill(ctx context.Context, process string) error
	restart(ctx context.Context, process string) error
	replace(ctx context.Context, process string) error
}

// Bounds of what a test waits for.
const (
	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second
)

// Run runs a test under each plan, as a subtest named after the plan's file. The
// processes of a plan run in the test's process, and call each other by its links.
func Run(t *testing.T, app kerf.App, plans []string, test func(*testing.T, *Env)) {
	t.Helper()
	for _, file := range plans {
		t.Run(nameOf(file), func(t *testing.T) {
			test(t, start(t, app, file))
		})
	}
}

func start(t *testing.T, app kerf.App, file string) *Env {
	t.Helper()
	p := resolve(t, app, file)
	return &Env{t: t, plan: p, runner: newInside(t, app, p)}
}

// Processes runs the plan's processes as real processes of the test binary, until
// the test ends. The package's TestMain must call Main with the same app.
func Processes(t *testing.T, app kerf.App, file string) *Env {
	t.Helper()
	p := resolve(t, app, file)
	return &Env{t: t, plan: p, runner: newOutside(t, p)}
}

func nameOf(file string) string {
	if file == "" {
		return "no plan"
	}
	return strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
}

func resolve(t *testing.T, app kerf.App, file string) *plan.Plan {
	t.Helper()
	model := kit.Batteries().Model(app)
	if file == "" {
		return plan.Monolith(model)
	}
	p, err := plan.Resolve(file, model)
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	p.KeepInDataFolder() // which is the test's own
	if folder, own := p.EmbeddedBroker(); own {
		p.Broker = strings.TrimSuffix(p.Broker, ":"+folder) // the same
	}
	return p
}

// Conn is a client of a service from outside the app. It calls over the link by which other
// processes reach the service, without deadlines or policies of the plan; if nobody does, inside
// the service's process, which only Run can, and as the plan has it for a caller of that process.
func (e *Env) Conn(service string) grpc.ClientConnInterface {
	e.t.Helper()
	process := e.plan.Home(service)
	if process == "" {
		e.t.Fatalf("no service %q in the app", service)
	}
	urls := e.runner.urls(process)
	if len(urls) == 0 {
		conn, err := e.runner.local(process, service)
		if err != nil {
			e.t.Fatalf("conn to service %s: %v", service, err)
		}
		return conn
	}
	conn, err := kit.Dial(urls[0], link.DialOptions{})
	if err != nil {
		e.t.Fatalf("conn to service %s: %v", service, err)
	}
	e.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// URL is that of the app's web pages: of the first process in the plan that has any, as a gateway
// should be before those that it leads to.
func (e *Env) URL() string {
	e.t.Helper()
	url := e.runner.web()
	if url == "" {
		e.t.Fatal("no process of the plan serves web pages")
	}
	return url
}

// Kill ends a process without any drain: a real one as kill -9 does. It stays dead
// until Restart.
func (e *Env) Kill(process string) {
	e.t.Helper()
	e.do("kill", process, e.runner.kill)
}

// Restart starts a process again, with the address and the data it had, and waits
// until it is ready.
func (e *Env) Restart(process string) {
	e.t.Helper()
	e.do("restart", process, e.runner.restart)
}

// Replace starts a process anew beside the one that runs, and lets that one drain once the
// new one is ready and called: no request fails. The process has another address afterwards,
// so that one with fixed ports cannot be replaced, nor can the one that has an embedded broker.
func (e *Env) Replace(process string) {
	e.t.Helper()
	e.do("replace", process, e.runner.replace)
}

func (e *Env) do(what, process string, f func(context.Context, string) error) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), startTimeout)
	defer cancel()
	if err := f(ctx, process); err != nil {
		e.t.Fatalf("%s process %s: %v", what, process, err)
	}
}
