package run_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/run"
)

var update = flag.Bool("update", false, "write what came out into the golden files")

// appEnv makes this binary one of the test apps, as which tests start it, and boundEnv one that only says how
// long it may drain.
const (
	appEnv   = "RUN_TEST_APP"
	boundEnv = "RUN_TEST_BOUND"
)

func TestMain(m *testing.M) {
	if os.Getenv(boundEnv) != "" {
		fmt.Fprintln(os.Stdout, "may drain for", os.Getenv("KERF_STOP_TIMEOUT"))
		os.Exit(0)
	}
	switch os.Getenv(appEnv) {
	case "pair":
		kit.Main(pair(nil, nil))
		os.Exit(0)
	case "storing":
		kit.Main(storing(greetings()))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

type message = linktestv1.Message

// handlers is a service whose methods are given by the test; without, it echoes.
type handlers struct {
	linktestv1.UnimplementedExerciseServer
	unary func(context.Context, *message) (*message, error)
	chat  func(grpc.BidiStreamingServer[message, message]) error
	tell  func(context.Context, *message) error
}

func (h *handlers) Unary(ctx context.Context, m *message) (*message, error) {
	if h.unary == nil {
		return m, nil
	}
	return h.unary(ctx, m)
}

func (h *handlers) Chat(s grpc.BidiStreamingServer[message, message]) error { return h.chat(s) }

func (h *handlers) Tell(ctx context.Context, m *message) (*emptypb.Empty, error) {
	if h.tell == nil {
		return &emptypb.Empty{}, nil
	}
	return &emptypb.Empty{}, h.tell(ctx, m)
}

// frontDesc is a second service with the methods of Exercise.
func frontDesc() *grpc.ServiceDesc {
	desc := linktestv1.Exercise_ServiceDesc
	desc.ServiceName = "kerf.test.Front"
	return &desc
}

// pair is an app of two services: front passes calls on to back. Either may be
// built in a way of the test's own, which registers what it declares.
func pair(front, back func(context.Context, *kerf.Host) error) kerf.App {
	if front == nil {
		front = func(_ context.Context, h *kerf.Host) error {
			client := linktestv1.NewExerciseClient(h.Conn("back"))
			h.RegisterService(frontDesc(), &handlers{unary: func(ctx context.Context, m *message) (*message, error) {
				return client.Unary(ctx, m)
			}})
			return nil
		}
	}
	if back == nil {
		back = func(_ context.Context, h *kerf.Host) error {
			linktestv1.RegisterExerciseServer(h, &handlers{})
			return nil
		}
	}
	return kerf.App{Name: "pair", Services: []kerf.Service{
		{Name: "front", Serves: []*grpc.ServiceDesc{frontDesc()}, Calls: []string{"back"}, New: front},
		{Name: "back", Serves: []*grpc.ServiceDesc{&linktestv1.Exercise_ServiceDesc}, New: back},
	}}
}

// backWith is an app whose back has these handlers.
func backWith(h *handlers) kerf.App {
	return pair(nil, func(_ context.Context, host *kerf.Host) error {
		linktestv1.RegisterExerciseServer(host, h)
		return nil
	})
}

const (
	together = "version: 1\napp: pair\nprocesses: {all: {services: [front, back], link: http}}\n"
	apart    = "version: 1\napp: pair\nlink: http\n" +
		"processes: {front: {services: [front], link: http}, back: {services: [back]}}\n"
)

func parse(t *testing.T, app kerf.App, text string) *plan.Plan {
	t.Helper()
	p, err := plan.Parse(filepath.Join(t.TempDir(), "plan.yaml"), []byte(text), kit.Batteries().Model(app))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// system is the processes of a plan, in this one.
type system struct {
	t         *testing.T
	app       kerf.App
	plan      *plan.Plan
	directory *run.Directory
	data      string
	log       *buffer
}

func newSystem(t *testing.T, app kerf.App, text string) *system {
	t.Helper()
	p := parse(t, app, text)
	return &system{t: t, app: app, plan: p, directory: run.NewDirectory(p), data: t.TempDir(), log: &buffer{}}
}

func (s *system) options(process string) run.Options {
	return run.Options{
		App: s.app, Batteries: kit.Batteries(), Plan: s.plan, Process: process, Directory: s.directory, Data: s.data,
		Web: "127.0.0.1:0", LogOutput: s.log,
	}
}

// start starts one process, until the test ends.
func (s *system) start(process string) *run.Process {
	s.t.Helper()
	p, err := run.Start(s.t.Context(), s.options(process))
	if err != nil {
		s.t.Fatal(err)
	}
	s.directory.Merge(map[string][]string{process: p.URLs()})
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), patience)
		defer cancel()
		if err := p.Stop(ctx); err != nil && !errors.Is(err, context.Canceled) { // unless by stopNow
			s.t.Errorf("stop: %v", err)
		}
	})
	if err := p.Ready(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// startBroker starts the broker of a plan that has one.
func (s *system) startBroker() {
	s.t.Helper()
	if s.plan.BrokerApart() {
		s.start(plan.BrokerProcess)
	}
}

// startAll starts an app under a plan, and gives the process that runs a service.
func startAll(t *testing.T, app kerf.App, text, service string) *run.Process {
	t.Helper()
	s := newSystem(t, app, text)
	var home *run.Process
	for i := range s.plan.Processes { // callees last: they stop last
		q := s.plan.Processes[len(s.plan.Processes)-1-i]
		if p := s.start(q.Name); s.plan.Home(service) == q.Name {
			home = p
		}
	}
	return home
}

// eachPlan runs a test with front and back in one process, and in two.
func eachPlan(t *testing.T, test func(t *testing.T, text string)) {
	t.Helper()
	for name, text := range map[string]string{"together": together, "apart": apart} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, text)
		})
	}
}

// stop drains within a bound that is far away.
func stop(t *testing.T, p *run.Process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// stopNow gives no time to drain.
func stopNow(t *testing.T, p *run.Process) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return p.Stop(ctx)
}

// dial makes a client that is no part of the app.
func dial(t *testing.T, p *run.Process) grpc.ClientConnInterface {
	t.Helper()
	conn, err := kit.Dial(p.URLs()[0], link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// askFront calls front's unary method.
func askFront(ctx context.Context, cc grpc.ClientConnInterface, text string) (string, error) {
	answer := &message{}
	err := cc.Invoke(ctx, "/kerf.test.Front/Unary", &message{Text: text}, answer)
	return answer.GetText(), err
}

// patience bounds every wait of a test. It is no measure of speed.
const patience = 20 * time.Second

func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-c:
		return v
	case <-timer.C:
		t.Fatalf("waited %s for %s", patience, what)
		panic("unreachable") //nolint:forbidigo // Fatalf does not return
	}
}

// poll asks until it is so.
func poll(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !so(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited %s until %s", patience, what)
		}
	}
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	for _, want := range words {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error is\n%v\nwithout %q", err, want)
		}
	}
}

// takenPort listens until the test ends.
func takenPort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// buffer is an io.Writer that tests read while it is written.
type buffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
