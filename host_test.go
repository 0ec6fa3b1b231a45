package kerf_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/kit"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers a call with what it was given.
type echo struct {
	linktestv1.UnimplementedExerciseServer
}

func (echo) Unary(_ context.Context, m *linktestv1.Message) (*linktestv1.Message, error) {
	return m, nil
}

func (echo) Tell(context.Context, *linktestv1.Message) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// start runs an app of the service named echo, which serves Exercise, and others.
func start(t *testing.T, build func(context.Context, *kerf.Host) error, others ...kerf.Service) (*run.Process, error) {
	t.Helper()
	app := kerf.App{Name: "mistaken", Services: append([]kerf.Service{{
		Name: "echo", Serves: []*grpc.ServiceDesc{&linktestv1.Exercise_ServiceDesc}, Calls: []string{"echo"},
		New: build,
	}}, others...)}
	p, err := run.Start(t.Context(), run.Options{
		App: app, Batteries: kit.Batteries(), Plan: plan.Monolith(kit.Batteries().Model(app)), Process: app.Name,
		Data: t.TempDir(), Web: "127.0.0.1:0", LogOutput: t.Output(),
	})
	if err == nil {
		t.Cleanup(func() { _ = p.Stop(context.WithoutCancel(t.Context())) })
	}
	return p, err
}

func registered(h *kerf.Host) { linktestv1.RegisterExerciseServer(h, echo{}) }

func page(http.ResponseWriter, *http.Request) {}

func TestMisuseOfAHostFailsTheStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		misuse func(*kerf.Host)
		want   string
	}{
		"a service that is not declared": {
			func(h *kerf.Host) { registered(h); h.RegisterService(&healthpb.Health_ServiceDesc, struct{}{}) },
			"registers grpc.health.v1.Health, which its Serves does not list: add it there",
		},
		"a service twice": {
			func(h *kerf.Host) { registered(h); registered(h) },
			"registers kerf.linktest.v1.Exercise twice: remove one",
		},
		"a service declared and forgotten": {
			func(*kerf.Host) {}, "declares kerf.linktest.v1.Exercise in Serves and does not register it",
		},
		"a nil description": {
			func(h *kerf.Host) { registered(h); h.RegisterService(nil, echo{}) }, "registers a nil ServiceDesc",
		},
		"a nil implementation": {
			func(h *kerf.Host) { h.RegisterService(&linktestv1.Exercise_ServiceDesc, nil) },
			"its implementation is nil",
		},
		"an implementation without the methods": {
			func(h *kerf.Host) { h.RegisterService(&linktestv1.Exercise_ServiceDesc, struct{}{}) },
			"struct {} does not implement linktestv1.ExerciseServer",
		},
		"a conn to a service that is not declared": {
			func(h *kerf.Host) { registered(h); h.Conn("nobody") },
			`calls "nobody", which its Calls does not list: add it there`,
		},
		"a pattern twice": {
			func(h *kerf.Host) {
				registered(h)
				h.Handle("GET /x", http.HandlerFunc(page))
				h.Handle("GET /x", http.HandlerFunc(page))
			}, `page "GET /x": pattern "GET /x"`,
		},
		"a malformed pattern": {
			func(h *kerf.Host) { registered(h); h.Handle("GET x{", http.HandlerFunc(page)) }, `page "GET x{": parsing`,
		},
		"a nil page": {
			func(h *kerf.Host) { registered(h); h.Handle("/x", nil) }, `page "/x": its handler is nil`,
		},
		"two handlers before all pages": {
			func(h *kerf.Host) {
				registered(h)
				h.Around(func(pages http.Handler) http.Handler { return pages })
				h.Around(func(pages http.Handler) http.Handler { return pages })
			}, "puts a handler before all pages: another service of this process does so",
		},
		"nil before all pages": {func(h *kerf.Host) { registered(h); h.Around(nil) }, "passes nil to Around"},
		"a nil check":          {func(h *kerf.Host) { registered(h); h.Ready("disk", nil) }, `check "disk" is nil`},
		"nil work":             {func(h *kerf.Host) { registered(h); h.Go("sweep", nil) }, `work "sweep" is nil`},
		"nil at the stop":      {func(h *kerf.Host) { registered(h); h.OnStop(nil) }, "passes nil to OnStop"},
		"a Host's own DB":      {func(h *kerf.Host) { registered(h); failOn(h.DB(t.Context(), nil)) }, ""},
		"a nil config":         {func(h *kerf.Host) { registered(h); failOn(h, h.Config(nil)) }, ""},
		"an unborn server":     {func(h *kerf.Host) { registered(h); _ = h.GetServiceInfo(); h.Conn("") }, `calls ""`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := start(t, func(_ context.Context, h *kerf.Host) error {
				c.misuse(h)
				return nil
			})
			if c.want == "" {
				return // it is enough that nothing panics
			}
			if err == nil {
				t.Fatal("the process has started")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "service echo: ") {
				t.Errorf("the error is\n%v\nand does not say\n%s", err, c.want)
			}
		})
	}
}

// failOn takes results that are of no interest.
func failOn(any, error) {}

func TestEveryMistakeOfEveryServiceIsNamed(t *testing.T) {
	t.Parallel()
	_, err := start(t, func(_ context.Context, h *kerf.Host) error {
		h.Conn("nobody")
		h.Handle("", nil)
		return nil
	}, kerf.Service{Name: "second", New: func(_ context.Context, h *kerf.Host) error {
		registered(h)
		return errors.New("cannot be built")
	}})
	wantError(t, err, "service echo: calls", "service echo: page", "service echo: declares",
		"service second: cannot be built")
}

func TestAnAppThatCannotBeIsRefusedBeforeAnythingIsBuilt(t *testing.T) {
	t.Parallel()
	never := func(context.Context, *kerf.Host) error {
		t.Error("a service was built")
		return nil
	}
	_, err := start(t, never, kerf.Service{Name: "100%d", Calls: []string{"nowhere"}},
		kerf.Service{Name: "echo", New: never, Serves: []*grpc.ServiceDesc{nil}})
	wantError(t, err, `the service name "100%d" is not allowed`, "New is nil", `Calls lists "nowhere", no service`,
		`two services are named "echo"`, "nil ServiceDesc")
	wantError(t, kit.Run(t.Context(), kerf.App{Name: "No App"}, []string{"version"}, io.Discard, io.Discard),
		`the app's name "No App" is not allowed`, "the app has no service")
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range words {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error is\n%v\nwithout %q", err, want)
		}
	}
}

func TestAConnThatCouldNotBeHadAnswersWithAStatus(t *testing.T) {
	t.Parallel()
	var got, gotStream error
	_, err := start(t, func(ctx context.Context, h *kerf.Host) error {
		client := linktestv1.NewExerciseClient(h.Conn("nobody"))
		_, got = client.Unary(ctx, &linktestv1.Message{})
		_, gotStream = client.Chat(ctx)
		return got
	})
	const want = codes.FailedPrecondition
	if err == nil || status.Code(got) != want || status.Code(gotStream) != want {
		t.Errorf("start: %v; call: %v; stream: %v", err, got, gotStream)
	}
}

func TestAServiceCallsItselfAndOpensOneStore(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"1_x.sql": {Data: []byte("-- +goose Up\nCREATE TABLE x (y INTEGER);\n")}}
	var host *kerf.Host
	p, err := start(t, func(ctx context.Context, h *kerf.Host) error {
		host = h
		registered(h)
		first, err := h.DB(ctx, files)
		if err != nil {
			return err
		}
		if again, err := h.DB(ctx, files); again != first {
			return errors.Join(errors.New("a second call opened a second store"), err)
		}
		if h.Conn("echo") != h.Conn("echo") {
			return errors.New("a second call made a second conn")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	answer, err := linktestv1.NewExerciseClient(host.Conn("echo")).Unary(t.Context(), &linktestv1.Message{Text: "hi"})
	if err != nil || answer.GetText() != "hi" {
		t.Errorf("%v, %v", answer, err)
	}
	for _, want := range []string{
		"kerf.linktest.v1.Exercise", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
	} {
		if _, ok := host.GetServiceInfo()[want]; !ok {
			t.Errorf("%s is not registered", want)
		}
	}
}
