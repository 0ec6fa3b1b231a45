package run_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/run"
)

// diary notes what happens, in order.
type diary struct {
	mu    sync.Mutex // guards notes
	notes []string
}

func (d *diary) note(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, s)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.notes, ", ")
}

func table() fs.FS {
	return fstest.MapFS{"1_x.sql": {Data: []byte("-- +goose Up\nCREATE TABLE x (y INTEGER);\n")}}
}

func TestADrainGoesFromTheOutsideIn(t *testing.T) {
	t.Parallel()
	var d diary
	entered, answer := make(chan struct{}), make(chan struct{})
	app := pair(nil, func(ctx context.Context, h *kerf.Host) error {
		db, err := h.DB(ctx, table())
		if err != nil {
			return err
		}
		linktestv1.RegisterExerciseServer(h, &handlers{unary: func(ctx context.Context, m *message) (*message, error) {
			close(entered)
			<-answer
			d.note("answered")
			return m, ctx.Err()
		}})
		h.Go("work", func(ctx context.Context) error {
			<-ctx.Done()
			d.note("work ended")
			return ctx.Err() // no failure: it was told to
		})
		for _, name := range []string{"first", "second"} {
			h.OnStop(func(ctx context.Context) error {
				d.note("stop " + name)
				return errors.Join(ctx.Err(), db.PingContext(ctx))
			})
		}
		return nil
	})
	p := startAll(t, app, together, "front")
	called := make(chan error, 1)
	cc := dial(t, p)
	go func() {
		_, err := linktestv1.NewExerciseClient(cc).Unary(t.Context(), &message{})
		called <- err
	}()
	await(t, "the call", entered)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop(t, p)
	}()
	poll(t, "the process is unready while a call still runs", func() bool {
		code, body := fetch(t, p.Admin()+"/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "draining")
	})
	poll(t, "the work has ended", func() bool { return d.String() != "" })
	_, policies := fetch(t, p.Admin()+"/policies")
	if want := `{"callee":"back","policy":"drain","events":{"begun":1}}`; !strings.Contains(policies, want) {
		t.Errorf("the drain is not told: %s", policies)
	}
	if code := getCode(t, p.Admin()+"/healthz"); code != http.StatusOK {
		t.Errorf("while it drains it is not alive: %d", code)
	}
	close(answer)
	if err := await(t, "the answer", called); err != nil {
		t.Errorf("a call that ran was cut off: %v", err)
	}
	await(t, "the end", stopped)
	if got, want := d.String(), "work ended, answered, stop second, stop first"; got != want {
		t.Errorf("it went %s; want %s", got, want)
	}
}

func TestARunningCallMayCallItsNeighbourInADrain(t *testing.T) {
	t.Parallel()
	entered, goOn := make(chan struct{}), make(chan struct{})
	app := pair(func(_ context.Context, h *kerf.Host) error {
		back := linktestv1.NewExerciseClient(h.Conn("back"))
		h.RegisterService(frontDesc(), &handlers{unary: func(ctx context.Context, m *message) (*message, error) {
			close(entered)
			<-goOn
			return back.Unary(ctx, m)
		}})
		h.Go("last words", func(ctx context.Context) error {
			<-ctx.Done()
			<-goOn
			_, err := back.Unary(context.WithoutCancel(ctx), &message{})
			if err != nil {
				t.Errorf("background work could not finish: %v", err)
			}
			return nil
		})
		return nil
	}, nil)
	p := startAll(t, app, together, "front")
	cc := dial(t, p)
	called := make(chan error, 1)
	go func() {
		_, err := askFront(t.Context(), cc, "")
		called <- err
	}()
	await(t, "the call", entered)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop(t, p)
	}()
	poll(t, "it drains", func() bool { return getCode(t, p.Admin()+"/readyz") == http.StatusServiceUnavailable })
	close(goOn)
	if err := await(t, "the answer", called); err != nil {
		t.Errorf("a call that ran could not call on: %v", err)
	}
	await(t, "the end", stopped)
}

func TestWhatDoesNotDrainIsCutOff(t *testing.T) {
	t.Parallel()
	entered, ended := make(chan struct{}), make(chan struct{})
	p := startAll(t, backWith(&handlers{unary: func(ctx context.Context, m *message) (*message, error) {
		close(entered)
		<-ctx.Done()
		close(ended)
		return m, nil
	}}), together, "back")
	cc := dial(t, p)
	called := make(chan error, 1)
	go func() {
		_, err := linktestv1.NewExerciseClient(cc).Unary(t.Context(), &message{})
		called <- err
	}()
	await(t, "the call", entered)
	err := stopNow(t, p)
	wantError(t, err, "calls still run")
	await(t, "the end of the handler's context", ended)
	code := status.Code(await(t, "the end of the call", called))
	if code != codes.Unavailable && code != codes.Canceled {
		t.Errorf("the caller is told %v", code)
	}
	if again := p.Stop(t.Context()); again == nil || again.Error() != err.Error() {
		t.Errorf("a second stop gives %v", again)
	}
}

func TestADrainMayBeOff(t *testing.T) {
	t.Parallel()
	entered, ended := make(chan struct{}), make(chan struct{})
	hang := func(ctx context.Context) {
		entered <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
	}
	p := startAll(t, pair(func(_ context.Context, h *kerf.Host) error {
		h.RegisterService(frontDesc(), &handlers{})
		h.Handle("GET /{$}", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { hang(r.Context()) }))
		return nil
	}, func(_ context.Context, h *kerf.Host) error {
		linktestv1.RegisterExerciseServer(h, &handlers{unary: func(ctx context.Context, m *message) (*message, error) {
			hang(ctx)
			return m, nil
		}})
		return nil
	}), "version: 1\napp: pair\ndrain: off\n"+
		"processes: {all: {services: [front, back], link: http, web: 127.0.0.1:0}}\n", "back")
	cc := dial(t, p)
	failed := make(chan error, 2)
	go func() {
		_, err := linktestv1.NewExerciseClient(cc).Unary(t.Context(), &message{})
		failed <- err
	}()
	go func() {
		response, err := http.Get(p.Web())
		if err == nil {
			_ = response.Body.Close()
		}
		failed <- err
	}()
	await(t, "the call or the page", entered)
	await(t, "the other", entered)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop(t, p) // without an error
	}()
	for range 2 {
		await(t, "the end of a handler's context", ended)
		if await(t, "the end of a call or a page", failed) == nil {
			t.Error("it was answered")
		}
	}
	await(t, "the stop", stopped)
}

func TestBackgroundWorkThatDoesNotEndIsNamed(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	p := startAll(t, pair(nil, func(_ context.Context, h *kerf.Host) error {
		linktestv1.RegisterExerciseServer(h, &handlers{})
		h.Go("sweep", func(context.Context) error {
			<-release
			return nil
		})
		return nil
	}), together, "back")
	t.Cleanup(func() { close(release) })
	wantError(t, stopNow(t, p), "service back: background work still runs: sweep")
}

func TestWorkThatFailsEndsTheProcess(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	var stopped bool
	app := pair(nil, func(_ context.Context, h *kerf.Host) error {
		linktestv1.RegisterExerciseServer(h, &handlers{})
		h.Go("sweep", func(context.Context) error { return broken })
		h.OnStop(func(context.Context) error { stopped = true; return nil })
		return nil
	})
	_, err := command(t, app, "run", "--data", t.TempDir(), "--web", "127.0.0.1:0")
	if !errors.Is(err, broken) || !stopped {
		t.Errorf("got %v; stopped: %v", err, stopped)
	}
	wantError(t, err, `service back: background work "sweep" failed: the disk is gone`)
}

func TestWorkThatFailsEndsAProcessThatIsNotReadyYet(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	_, err := command(t, pair(nil, func(_ context.Context, h *kerf.Host) error {
		linktestv1.RegisterExerciseServer(h, &handlers{})
		h.Ready("disk", func(context.Context) error { return broken })
		h.Go("sweep", func(context.Context) error { return broken })
		return nil
	}), "run", "--data", t.TempDir(), "--web", "127.0.0.1:0")
	wantError(t, err, `background work "sweep" failed`)
}

func TestWorkMayBeginLater(t *testing.T) {
	t.Parallel()
	began := make(chan struct{})
	var host *kerf.Host
	p := startAll(t, pair(nil, func(_ context.Context, h *kerf.Host) error {
		host = h
		linktestv1.RegisterExerciseServer(h, &handlers{})
		return nil
	}), together, "back")
	host.Go("late", func(ctx context.Context) error {
		close(began)
		<-ctx.Done()
		return nil
	})
	await(t, "the work", began)
	stop(t, p)
	host.Go("too late", func(context.Context) error {
		t.Error("work began after the stop")
		return nil
	})
}

func TestReadinessNamesTheChecksThatFail(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	missing := errors.New("the disk is missing")
	s := newSystem(t, pair(nil, func(_ context.Context, h *kerf.Host) error {
		linktestv1.RegisterExerciseServer(h, &handlers{})
		h.Ready("disk", func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			return missing
		})
		return nil
	}), together)
	p, err := run.Start(t.Context(), s.options("all"))
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantError(t, p.Ready(ctx), "process all is not ready", "back disk", "the disk is missing")
	code, body := fetch(t, p.Admin()+"/readyz")
	if code != http.StatusServiceUnavailable || !strings.Contains(body, `"check":"back disk"`) {
		t.Errorf("%d %s", code, body)
	}
	health := healthpb.NewHealthClient(dial(t, p))
	answer, err := health.Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health: %v, %v", answer, err)
	}
	mu.Lock()
	missing = nil
	mu.Unlock()
	if err := p.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}
