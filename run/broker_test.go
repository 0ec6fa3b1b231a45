package run_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

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
	if len(urls) != 1 || !strings.HasSuffix(urls[0], "/pair.all") {
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

func TestOneProcessAloneCannotHaveTheFleetsBroker(t *testing.T) {
	t.Parallel()
	_, err := command(t, pair(nil, nil), "run", "--process", "back", "--data", t.TempDir(),
		"--plan", planFile(t, queued))
	if err == nil || !strings.Contains(err.Error(), "name a broker that runs by itself") {
		t.Errorf("got %v", err)
	}
}
