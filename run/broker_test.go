package run_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/internal/porttest"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/run"
)

const (
	alone  = "version: 1\napp: pair\nprocesses: {all: {services: [front, back], link: nats}}\n"
	queued = "version: 1\napp: pair\nlink: nats\nprocesses: {front: {services: [front]}, back: {services: [back]}}\n"
)

// begin starts a process, which a test stops.
func begin(t *testing.T, o run.Options) *run.Process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	o.Batteries, o.LogOutput = kit.Batteries(), t.Output()
	if o.Data == "" {
		o.Data = t.TempDir()
	}
	p, err := run.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(context.Background()) })
	if err := p.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return p
}

// subject is where all replicas of a process are reached, one of which has a URL.
func subject(rawURL string) string {
	at, _, _ := strings.Cut(rawURL, "?")
	return at
}

func ask(t *testing.T, rawURL string) error {
	t.Helper()
	conn, err := kit.Dial(rawURL, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err = linktestv1.NewExerciseClient(conn).Unary(ctx, &message{Text: "x"})
	return err
}

func TestTheOnlyProcessOfAPlanHasTheBrokerWithin(t *testing.T) {
	t.Parallel()
	app := pair(nil, nil)
	p := begin(t, run.Options{App: app, Plan: parse(t, app, alone), Process: "all"})
	urls := p.URLs()
	if len(urls) != 1 || !strings.HasSuffix(subject(urls[0]), "/pair.all") {
		t.Fatalf("it is reached at %q", urls)
	}
	if err := ask(t, urls[0]); err != nil {
		t.Error(err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := ask(t, urls[0]); err == nil {
		t.Error("it still answers")
	}
}

func TestABrokerOutsideIsUsedWithItsPassword(t *testing.T) {
	t.Parallel()
	o := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, Username: "pair", Password: "hunter2",
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("the broker is not ready")
	}
	app := pair(nil, nil)
	plan := parse(t, app, queued+fmt.Sprintf("broker: nats://pair:hunter2@127.0.0.1:%d\n", o.Port))
	directory := run.NewDirectory(plan)
	back := begin(t, run.Options{App: app, Plan: plan, Process: "back", Directory: directory})
	front := begin(t, run.Options{App: app, Plan: plan, Process: "front", Directory: directory})
	at := back.URLs()[0]
	if strings.Contains(at, "hunter2") {
		t.Errorf("everybody sees the password in %s", at)
	}
	if err := ask(t, at); err == nil {
		t.Error("somebody without the password is answered")
	}
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("pair", "hunter2")
	if err := ask(t, u.String()); err != nil {
		t.Error(err)
	}
	conn, err := front.Conn("back", "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := linktestv1.NewExerciseClient(conn).Unary(t.Context(), &message{Text: "x"}); err != nil {
		t.Error(err)
	}
}

func TestAProcessWithoutItsBrokerSaysWhatToDo(t *testing.T) {
	t.Parallel()
	app := pair(nil, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := run.Start(ctx, run.Options{
		App: app, Batteries: kit.Batteries(), Plan: parse(t, app, queued+"broker: nats://127.0.0.1:1\n"),
		Process: "back", LogOutput: t.Output(), Data: t.TempDir(),
	})
	if err == nil || !strings.Contains(err.Error(), "no NATS broker at 127.0.0.1:1") ||
		!strings.Contains(err.Error(), "start the broker") {
		t.Errorf("got %v", err)
	}
}

// away is a broker's address, and starts it there.
func away(t *testing.T) (host string, start func()) {
	t.Helper()
	host = porttest.Free(t)
	_, digits, err := net.SplitHostPort(host)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatal(err)
	}
	return host, func() {
		t.Helper()
		s, err := server.NewServer(&server.Options{
			Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true, Username: "pair", Password: "hunter2",
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() {
			s.Shutdown()
			s.WaitForShutdown()
		})
	}
}

func TestAProcessSaysThatItWaitsForItsBroker(t *testing.T) {
	t.Parallel()
	app := pair(nil, nil)
	host, start := away(t)
	var log buffer
	started := make(chan error, 1)
	go func() {
		p, err := run.Start(t.Context(), run.Options{
			App: app, Batteries: kit.Batteries(), Plan: parse(t, app, queued+"broker: nats://pair:hunter2@"+host+"\n"),
			Process: "back", LogOutput: &log, LogFormat: "text", Data: t.TempDir(),
		})
		if err == nil {
			err = p.Stop(t.Context())
		}
		started <- err
	}()
	const waits = "waiting for the broker"
	poll(t, "it says what it waits for", func() bool { return strings.Contains(log.String(), waits) })
	start()
	if err := await(t, "its start", started); err != nil {
		t.Error(err)
	}
	if s := log.String(); strings.Count(s, waits) != 1 || !strings.Contains(s, host) ||
		strings.Contains(s, "hunter2") {
		t.Errorf("it says %s", s)
	}
}

func TestAFleetWaitsForItsBroker(t *testing.T) {
	t.Parallel()
	host, start := away(t)
	p := startProgram(t, "run", "--data", t.TempDir(), "--plan",
		planFile(t, queued+"broker: nats://pair:hunter2@"+host+"\n"))
	poll(t, "it says what it waits for", func() bool { return strings.Contains(p.errs.String(), "waiting") })
	if got, want := p.errs.String(), "waiting for the broker at "+host+"\n"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	start()
	poll(t, "it runs", func() bool { return strings.Contains(p.out.String(), "pair runs as 2 processes") })
}

// It is said once, and not by each process.
func TestAFleetWithoutItsBrokerSaysWhatToDo(t *testing.T) {
	t.Parallel()
	host, _ := away(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs buffer
	ended := make(chan error, 1)
	go func() {
		ended <- kit.Run(ctx, pair(nil, nil), []string{
			"run", "--data", t.TempDir(), "--plan", planFile(t, queued+"broker: nats://pair:hunter2@"+host+"\n"),
		}, &out, &errs)
	}()
	poll(t, "it says what it waits for", func() bool { return strings.Contains(errs.String(), "waiting") })
	cancel()
	err := await(t, "its end", ended)
	wantError(t, err, "no NATS broker at "+host, "start the broker")
	if err != nil && (strings.Count(err.Error(), "start the broker") != 1 || strings.Contains(err.Error(), "hunter2")) {
		t.Errorf("the error is %v", err)
	}
	if got, want := out.String()+errs.String(), "waiting for the broker at "+host+"\n"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

func TestOneProcessAloneCannotHaveTheFleetsBroker(t *testing.T) {
	t.Parallel()
	_, err := command(t, pair(nil, nil), "run", "--process", "back", "--data", t.TempDir(),
		"--plan", planFile(t, queued))
	if err == nil || !strings.Contains(err.Error(), "name a broker that runs by itself") {
		t.Errorf("got %v", err)
	}
}

func TestAReplicaThatIsBeingBuiltGetsNoCallsOfItsSubject(t *testing.T) {
	t.Parallel()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("the broker is not ready")
	}
	var one *run.Process
	app := pair(nil, func(_ context.Context, h *kerf.Host) error {
		linktestv1.RegisterExerciseServer(h, &handlers{})
		for i := 0; i < 20 && one != nil && !t.Failed(); i++ {
			if err := ask(t, subject(one.URLs()[0])); err != nil {
				t.Errorf("while the second replica is built: %v", err)
			}
		}
		return nil
	})
	o := run.Options{App: app, Plan: parse(t, app, queued+"broker: "+s.ClientURL()+"\n"), Process: "back"}
	one = begin(t, o)
	two := begin(t, o)
	if err := one.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := ask(t, subject(two.URLs()[0])); err != nil {
		t.Errorf("the second replica does not answer: %v", err)
	}
}
