package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/demo"
	"github.com/kerf-go/kerf/kit"
)

func app() kerf.App {
	return kerf.App{Name: "app", Services: []kerf.Service{
		{Name: "front", Calls: []string{"back"}, New: func(_ context.Context, h *kerf.Host) error {
			h.Conn("back")
			return nil
		}},
		{
			Name: "back", Serves: []*grpc.ServiceDesc{&healthv1.Health_ServiceDesc},
			New: func(_ context.Context, h *kerf.Host) error {
				healthv1.RegisterHealthServer(h, health.NewServer())
				return nil
			},
		},
	}}
}

const plan = `version: 1
app: app
link: tcp
processes: {front: {services: [front]}, back: {services: [back]}}
policies:
  back: {deadline: 2s} # without: back: {deadline: 1m}
`

// lessons are one that holds with its plan alone, and one that breaks.
func lessons() []demo.Lesson {
	return []demo.Lesson{
		{Name: "sound", Shows: "that it works", Read: "sound.md", Plan: plan, Run: sound},
		{Name: "broken", Shows: "nothing", Read: "broken.md", Run: func(context.Context, *demo.Stage) error {
			return errors.New("it fell over")
		}},
		{Name: "silent", Shows: "nothing", Read: "silent.md", Run: func(context.Context, *demo.Stage) error {
			return nil
		}},
	}
}

func sound(ctx context.Context, s *demo.Stage) error {
	system, err := s.Inside(ctx, s.Plan(), s.App())
	if err != nil {
		return err
	}
	conn, err := system.Conn("front", "back")
	if err != nil {
		return err
	}
	load := demo.Begin(ctx, 50, func(ctx context.Context) error {
		_, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{})
		return err
	})
	err = demo.Wait(ctx, s.Part)
	calls := load.End()
	ready, _ := system.Ready(ctx, "back")
	s.Columns("all")
	s.Figure("answered", "%", calls.Answered())
	s.Claimf(len(calls) > 1 && calls.Answered() == 100 && ready, "all of %d are answered", 2)
	s.Claimf(strings.Contains(s.Plan(), "deadline: 2s"), "its plan is whole")
	return err
}

func run(ctx context.Context, args ...string) (string, error) {
	var out bytes.Buffer
	err := kit.Run(ctx, app(), append([]string{"demo"}, args...), &out, io.Discard, kit.Demo(lessons()...))
	return out.String(), err
}

func TestALessonTellsItsFiguresItsClaimsAndWhatToRead(t *testing.T) {
	t.Parallel()
	out, err := run(t.Context(), "sound", "--seconds", "0.1")
	const want = `
              ALL   
    answered  100  %

  holds  all of 2 are answered
  holds  its plan is whole
  read   sound.md

`
	if err != nil || out != want {
		t.Errorf("%v:\n%q\nand not\n%q", err, out, want)
	}
}

func TestWithoutWhatItIsAboutALessonFails(t *testing.T) {
	t.Parallel()
	out, err := run(t.Context(), "sound", "--seconds", "0.1", "--without", "--json")
	if err == nil || err.Error() != "sound: what it claims does not hold" {
		t.Errorf("got %v", err)
	}
	var told struct {
		Lessons []demo.Result `json:"lessons"`
	}
	if err := json.Unmarshal([]byte(out), &told); err != nil || len(told.Lessons) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	r := told.Lessons[0]
	if r.Holds || !r.Without || len(r.Claims) != 2 || !r.Claims[0].Holds || r.Claims[1].Holds ||
		r.Figures[0].Values[0] != 100 {
		t.Errorf("got %+v", r)
	}
}

func TestWithoutNamesAllAreListedAndCarriedOut(t *testing.T) {
	t.Parallel()
	out, err := run(t.Context(), "--seconds", "0.1")
	if !strings.HasPrefix(out, "sound   that it works\nbroken  nothing\nsilent  nothing\n\n") ||
		!strings.Contains(out, "read   silent.md") {
		t.Errorf("it says\n%s", out)
	}
	if err == nil || err.Error() != "broken: it fell over\nsilent: what it claims does not hold" {
		t.Errorf("got %v", err)
	}
}

func TestMistakesSayWhatToDo(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"dance":              `there is no lesson "dance": choose from sound, broken, silent`,
		"--app dance -- run": `there is no lesson "dance": choose from sound, broken, silent`,
		"--seconds 0":        "--seconds 0: loads must last for a while, such as 10",
		"--without=x sound":  "lesson sound is about one thing: write --without",
	} {
		if _, err := run(t.Context(), strings.Fields(line)...); err == nil || err.Error() != want {
			t.Errorf("%s: got %v", line, err)
		}
	}
}

func TestAPartOfALessonCanBeTakenAwayAlone(t *testing.T) {
	t.Parallel()
	const plan = "first: 1 # without one: first: 2\n  second: 1 # without other: second: 2\n" +
		"third: 1 # without: third: 2\nlast: 1\n"
	var ran, less string
	var ofAll bool
	parted := demo.Lesson{Name: "parted", Plan: plan, Run: func(_ context.Context, s *demo.Stage) error {
		ran, less, ofAll = s.Plan(), s.Without("other"), s.BareOfAll()
		s.Claimf(true, "nothing")
		return nil
	}}
	for part, want := range map[string]string{
		"--without=one":   strings.Replace(plan, "first: 1 # without one: first: 2", "first: 2", 1),
		"--without=other": strings.Replace(plan, "second: 1 # without other: second: 2", "second: 2", 1),
		"--without":       "first: 2\n  second: 2\nthird: 2\nlast: 1\n",
		"--without=false": plan,
	} {
		err := kit.Run(t.Context(), app(), []string{"demo", part}, io.Discard, io.Discard, kit.Demo(parted))
		if err != nil || ran != want {
			t.Errorf("%s: %v, and its plan is\n%s", part, err, ran)
		}
		if want := strings.Replace(want, "second: 1 # without other: second: 2", "second: 2", 1); less != want {
			t.Errorf("%s: without one more part its plan is\n%s", part, less)
		}
		if ofAll != (part == "--without") {
			t.Errorf("%s: it says that all is taken away: %v", part, ofAll)
		}
	}
	err := kit.Run(t.Context(), app(), []string{"demo", "--without=all"}, io.Discard, io.Discard, kit.Demo(parted))
	const mistake = `lesson parted has no part "all": write --without, or --without=PART with one of one, other`
	if err == nil || err.Error() != mistake {
		t.Errorf("got %v", err)
	}
}

func TestTheProcessesOfALessonHaveItsFaults(t *testing.T) {
	t.Parallel()
	faulty := demo.Lesson{Name: "faulty", App: func(app kerf.App, bare bool) kerf.App {
		app.Name = fmt.Sprintf("%s-bare-%v", app.Name, bare)
		return app
	}}
	for flag, want := range map[string]string{"--without=false": "app-bare-false ", "--without": "app-bare-true "} {
		var out bytes.Buffer
		args := []string{"demo", "--app", "faulty", flag, "--", "version"}
		if err := kit.Run(t.Context(), app(), args, &out, io.Discard, kit.Demo(faulty)); err != nil {
			t.Error(err)
		}
		if !strings.HasPrefix(out.String(), want) {
			t.Errorf("%s: it says %q", flag, out.String())
		}
	}
}

func TestAnInterruptedLessonLeavesNothingBehind(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	t.Setenv("TMP", folder) // on Windows
	ctx, cancel := context.WithCancel(t.Context())
	interrupted := demo.Lesson{Name: "long", Plan: plan, Run: func(ctx context.Context, s *demo.Stage) error {
		if _, err := s.Inside(ctx, s.Plan(), s.App()); err != nil {
			return err
		}
		if left, err := filepath.Glob(filepath.Join(folder, "*")); err != nil || len(left) != 1 {
			t.Errorf("its folder: %v, %v", left, err)
		}
		cancel()
		return demo.Wait(ctx, s.Part)
	}}
	err := kit.Run(ctx, app(), []string{"demo", "--seconds", "60"}, io.Discard, io.Discard, kit.Demo(interrupted))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

func TestReplicasShareTheCallsInsideToo(t *testing.T) {
	t.Parallel()
	var at sync.Map // addresses that are called
	twice := demo.Lesson{Name: "twice", Plan: strings.Replace(plan, "[back]", "[back], replicas: 2", 1)}
	twice.Run = func(ctx context.Context, s *demo.Stage) error {
		seen := s.App()
		seen.UnaryServer = append(seen.UnaryServer, func(
			ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
		) (any, error) {
			called, _ := peer.FromContext(ctx)
			at.Store(called.LocalAddr.String(), true)
			return handle(ctx, request)
		})
		system, err := s.Inside(ctx, s.Plan(), seen)
		if err != nil {
			return err
		}
		conn, err := system.Conn("front", "back")
		if err != nil {
			return err
		}
		calls, err := demo.During(ctx, s.Part, 200, func(ctx context.Context) error {
			_, err := healthv1.NewHealthClient(conn).List(ctx, &healthv1.HealthListRequest{})
			return err
		})
		s.Claimf(calls.Answered() == 100, "all are answered")
		return err
	}
	err := kit.Run(t.Context(), app(), []string{"demo", "--seconds", "0.2"}, io.Discard, io.Discard, kit.Demo(twice))
	if err != nil {
		t.Error(err)
	}
	n := 0
	at.Range(func(any, any) bool { n++; return true })
	if n != 2 {
		t.Errorf("%d replicas were called, want 2", n)
	}
}
