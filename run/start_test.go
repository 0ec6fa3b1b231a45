package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/internal/porttest"
	"github.com/kerf-go/kerf/kit"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/run"
	"github.com/kerf-go/kerf/store"
)

// site is an app of one service with pages.
func site(handle func(*kerf.Host)) kerf.App {
	return kerf.App{Name: "site", Services: []kerf.Service{{
		Name: "site", New: func(_ context.Context, h *kerf.Host) error {
			handle(h)
			return nil
		},
	}}}
}

func hello(h *kerf.Host) {
	h.Handle("GET /{$}", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("hello"))
	}))
}

func TestATakenPortNamesWhoWantedIt(t *testing.T) {
	t.Parallel()
	taken := takenPort(t)
	processes := "version: 1\napp: site\n" + "processes: {edge: {services: [site], web: 127.0.0.1:0"
	for name, c := range map[string]struct {
		plan string
		args []string
		want []string
	}{
		"pages by the plan": {
			"version: 1\napp: site\nprocesses: {edge: {services: [site], web: " + taken + "}}\n", nil,
			[]string{"web pages of process edge: ", taken, "--web 127.0.0.1:0"},
		},
		"pages by the command line": {
			processes + "}}\n", []string{"--web", taken}, []string{"web pages of process edge: ", taken},
		},
		"calls": {
			processes + ", listen: http://" + taken + "}}\n", nil,
			[]string{"process edge: listen on http://" + taken, "choose another port in the plan"},
		},
		"operators": {
			processes + "}}\nadmin: " + taken + "\n", nil,
			[]string{"admin listener of process edge: ", taken, "stop it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"run", "--plan", planFile(t, c.plan), "--data", t.TempDir()}, c.args...)
			_, err := command(t, site(hello), args...)
			wantError(t, err, c.want...)
		})
	}
}

func TestAFailedStartLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	address := porttest.Free(t)
	var db *store.DB
	var stopped []string
	wantFail := errors.New("cannot be built")
	app := pair(func(_ context.Context, h *kerf.Host) error {
		h.RegisterService(frontDesc(), &handlers{})
		h.OnStop(func(context.Context) error { stopped = append(stopped, "front"); return nil })
		h.Go("never", func(context.Context) error { t.Error("background work has begun"); return nil })
		return nil
	}, func(ctx context.Context, h *kerf.Host) error {
		var err error
		db, err = h.DB(ctx, fstest.MapFS{"1_x.sql": {Data: []byte("-- +goose Up\nCREATE TABLE x (y INTEGER);\n")}})
		return errors.Join(err, wantFail)
	})
	s := newSystem(t, app, "version: 1\napp: pair\n"+
		"processes: {all: {services: [front, back], listen: http://"+address+"}}\n")
	_, err := run.Start(t.Context(), s.options("all"))
	if !errors.Is(err, wantFail) {
		t.Fatalf("got %v", err)
	}
	wantError(t, err, "service back: cannot be built")
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatalf("the port is still taken: %v", err)
	}
	_ = l.Close()
	if err := db.PingContext(t.Context()); err == nil {
		t.Error("the store is still open")
	}
	if len(stopped) != 1 {
		t.Error("what was built is not stopped")
	}
}

func TestAStoreThatDoesNotOpenFailsTheStart(t *testing.T) {
	t.Parallel()
	app := pair(nil, func(ctx context.Context, h *kerf.Host) error {
		_, err := h.DB(ctx, fstest.MapFS{"1_x.sql": {Data: []byte("-- +goose Up\nNO SQL;\n")}})
		return err
	})
	s := newSystem(t, app, together)
	_, err := run.Start(t.Context(), s.options("all"))
	wantError(t, err, "service back: store of back: migrate from version 0 to 1: 1_x.sql")
}

func TestStoresLieInTheDataFolderWhateverItsName(t *testing.T) {
	t.Parallel()
	app := pair(nil, func(ctx context.Context, h *kerf.Host) error {
		linktestv1.RegisterExerciseServer(h, &handlers{})
		_, err := h.DB(ctx, fstest.MapFS{"1_x.sql": {Data: []byte("-- +goose Up\nCREATE TABLE x (y INTEGER);\n")}})
		return err
	})
	s := newSystem(t, app, together)
	s.data = filepath.Join(s.data, "100% of what? #1 ä")
	s.start("all")
	if _, err := os.Stat(filepath.Join(s.data, "back.db")); err != nil {
		t.Error(err)
	}
}

func TestConfigurationIsStrict(t *testing.T) {
	t.Parallel()
	type config struct {
		Title string `yaml:"title"`
		Size  int    `yaml:"size"`
	}
	for name, c := range map[string]struct {
		text string
		want config
		err  string
	}{
		"nothing leaves the defaults":    {"", config{"default", 1}, ""},
		"what is said replaces them":     {"config: {back: {title: hi}}\n", config{"hi", 1}, ""},
		"an unknown key has its place":   {"config: {back: {titel: hi}}\n", config{}, "plan.yaml:4:17:"},
		"a value of the wrong type, too": {"config: {back: {size: many}}\n", config{}, "plan.yaml:4:23:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := config{"default", 1}
			app := pair(nil, func(_ context.Context, h *kerf.Host) error {
				linktestv1.RegisterExerciseServer(h, &handlers{})
				return h.Config(&got)
			})
			s := newSystem(t, app, together+c.text)
			p, err := run.Start(t.Context(), s.options("all"))
			if err == nil {
				stop(t, p)
			}
			if c.err != "" {
				wantError(t, err, "service back: ", c.err)
			} else if err != nil || got != c.want {
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestTwoServicesOfOneProcessCannotServeTheSame(t *testing.T) {
	t.Parallel()
	twice := pair(nil, nil)
	twice.Services[0].Serves = twice.Services[1].Serves
	twice.Services[0].New = twice.Services[1].New
	s := newSystem(t, twice, together)
	_, err := run.Start(t.Context(), s.options("all"))
	wantError(t, err, "another service of this process serves it already")
}

func TestPagesAreServedInsideTheAppsMiddleware(t *testing.T) {
	t.Parallel()
	app := site(hello)
	around := func(name string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write([]byte(name + "("))
				next.ServeHTTP(w, r)
				_, _ = w.Write([]byte(")"))
			})
		}
	}
	app.Web = []func(http.Handler) http.Handler{around("outer"), around("inner")}
	s := newSystem(t, app, "version: 1\napp: site\nprocesses: {edge: {services: [site], web: 127.0.0.1:0}}\n")
	p := s.start("edge")
	if got := get(t, p.Web()+"/"); got != "outer(inner(hello))" {
		t.Errorf("the page is %q", got)
	}
	if code := getCode(t, p.Web()+"/nothing"); code != http.StatusNotFound {
		t.Errorf("a page that is not there has status %d", code)
	}
}

func TestAMonolithIsWhatRunsWithoutAnyCommand(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	out, end := background(t, pair(nil, nil), "--data", data, "--web", "127.0.0.1:0")
	poll(t, "it is announced", func() bool { return strings.Contains(out.String(), "  data  "+data) })
	if got := out.String(); !strings.Contains(got, "pair runs as one process; Ctrl-C stops it") {
		t.Errorf("it says\n%s", got)
	}
	table, err := command(t, pair(nil, nil), "status", "--data", data)
	for _, want := range []string{"PROCESS", "pair", "front,back", "ready"} {
		if err != nil || !strings.Contains(table, want) {
			t.Errorf("status, %v, without %q:\n%s", err, want, table)
		}
	}
	asJSON, err := command(t, pair(nil, nil), "status", "--data", data, "--json")
	if err != nil || !strings.Contains(asJSON, `"process": "pair"`) {
		t.Errorf("%v\n%s", err, asJSON)
	}
	_, err = command(t, pair(nil, nil), "run", "--data", data, "--web", "127.0.0.1:0")
	wantError(t, err, "already running")
	if err := end(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if _, err := command(t, pair(nil, nil), "status", "--data", data); err == nil {
		t.Error("status shows what has ended")
	}
}

func TestStatusTellsWhyAProcessIsNotReady(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	var away atomic.Bool
	app := pair(nil, func(_ context.Context, h *kerf.Host) error {
		linktestv1.RegisterExerciseServer(h, &handlers{})
		h.Ready("shelf", func(context.Context) error {
			if away.Load() {
				return errors.New("it is away:\n\tfor a walk")
			}
			return nil
		})
		return nil
	})
	out, _ := background(t, app, "--data", data)
	poll(t, "it is announced", func() bool { return strings.Contains(out.String(), "  data  "+data) })
	for _, gone := range []bool{false, true, false} {
		away.Store(gone)
		table, err := command(t, app, "status", "--data", data)
		below := "\npair 0: not ready: back shelf: it is away: for a walk\n"
		if err != nil || strings.HasSuffix(table, below) != gone || strings.Contains(table, "  not ready  ") != gone {
			t.Errorf("away is %t: %v\n%s", gone, err, table)
		}
		text, err := command(t, app, "status", "--data", data, "--json")
		if err != nil {
			t.Fatal(err)
		}
		var report struct {
			Processes []struct {
				State    string   `json:"state"`
				NotReady []string `json:"not_ready"`
			} `json:"processes"`
		}
		if err := json.Unmarshal([]byte(text), &report); err != nil {
			t.Fatal(err)
		}
		state, why := "ready", []string(nil)
		if gone {
			state, why = "not ready", []string{"back shelf: it is away: for a walk"}
		}
		if p := report.Processes[0]; p.State != state || !slices.Equal(p.NotReady, why) {
			t.Errorf("away is %t: %s", gone, text)
		}
	}
}

func TestStatusTellsWhatAProcessWaitsForAtItsStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ plan, process string }{
		"alone":      {together, "all"},
		"in a fleet": {apart, "back"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, file := t.TempDir(), planFile(t, c.plan+"store: {migrate: false}\n")
			p := startApp(t, "storing", "run", "--plan", file, "--data", data)
			below := "\n" + c.process + " 0: not ready: back store: migrations are pending: 2, from version 0 to 2; "
			poll(t, "the table tells", func() bool {
				table, err := command(t, storing(greetings()), "status", "--data", data)
				return err == nil && strings.Contains(table, below) && strings.Contains(table, "  not ready  ")
			})
			text, err := command(t, storing(greetings()), "status", "--data", data, "--json")
			if err != nil || !strings.Contains(text, `"state": "not ready"`) ||
				!strings.Contains(text, `"not_ready": [`) {
				t.Errorf("%v\n%s", err, text)
			}
			migrate := "migrate --plan " + file + " --data " + data
			wantCommand(t, storing(greetings()), migrate, "back: migrated from version 0 to 2")
			poll(t, "it is announced", func() bool { return strings.Contains(p.out.String(), "  data  ") })
			table, err := command(t, storing(greetings()), "status", "--data", data)
			if err != nil || strings.Contains(table, "not ready") {
				t.Errorf("once it is ready: %v\n%s", err, table)
			}
		})
	}
}

func TestASiteIsAnnouncedWithItsAddress(t *testing.T) {
	t.Parallel()
	out, end := background(t, site(hello), "run", "--data", t.TempDir(), "--web", "127.0.0.1:0")
	poll(t, "it is announced", func() bool { return strings.Contains(out.String(), "  data  ") })
	_, after, _ := strings.Cut(out.String(), "  site  ")
	address, _, _ := strings.Cut(after, "\n")
	if got := get(t, address+"/"); got != "hello" {
		t.Errorf("at %q is %q", address, got)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestAloneAProcessNeedsAddressesThatOthersKnow(t *testing.T) {
	t.Parallel()
	for process, want := range map[string]string{"front": "process back", "back": "process back"} {
		args := []string{"run", "--plan", planFile(t, apart), "--data", t.TempDir(), "--process", process}
		_, err := command(t, pair(nil, nil), args...)
		wantError(t, err, want+" listens on a port that the system chooses", "listen: http://127.0.0.1:9002",
			"or run the whole plan without --process")
	}
}

// background runs a command of an app until end, which gives its error.
func background(t *testing.T, app kerf.App, args ...string) (out *buffer, end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, errs := &buffer{}, &buffer{}
	done := make(chan error, 1)
	go func() { done <- kit.Run(ctx, app, args, out, errs) }()
	ended := false
	end = func() error {
		cancel()
		if ended {
			return nil
		}
		ended = true
		return await(t, "the end of the command", done)
	}
	t.Cleanup(func() {
		_ = end()
		if t.Failed() {
			t.Logf("stderr:\n%s", errs)
		}
	})
	return out, end
}
