package kerftest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/kerftest"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/store"
)

func TestMain(m *testing.M) { kerftest.Main(m, pair()) }

// counter is back: it counts what it is told, in its store.
type counter struct {
	linktestv1.UnimplementedExerciseServer
	db *store.DB
}

func (c counter) Unary(ctx context.Context, m *linktestv1.Message) (*linktestv1.Message, error) {
	answer := &linktestv1.Message{Text: m.GetText()}
	err := c.db.QueryRowContext(ctx, "SELECT count(*) FROM told").Scan(&answer.Number)
	return answer, err
}

func (c counter) Tell(ctx context.Context, m *linktestv1.Message) (*emptypb.Empty, error) {
	_, err := c.db.ExecContext(ctx, "INSERT INTO told VALUES (?)", m.GetText())
	return &emptypb.Empty{}, err
}

// pair is an app of a page and a service with a store.
func pair() kerf.App {
	front := func(_ context.Context, h *kerf.Host) error {
		back := linktestv1.NewExerciseClient(h.Conn("back"))
		h.Handle("GET /", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer, err := back.Unary(r.Context(), &linktestv1.Message{Text: r.URL.Path})
			if err != nil {
				http.Error(w, status.Code(err).String(), http.StatusBadGateway)
				return
			}
			fmt.Fprintf(w, "%s %d", answer.GetText(), answer.GetNumber())
		}))
		return nil
	}
	back := func(ctx context.Context, h *kerf.Host) error {
		db, err := h.DB(ctx, fstest.MapFS{"1_x.sql": {Data: []byte("-- +goose Up\nCREATE TABLE told (text TEXT);\n")}})
		if err != nil {
			return err
		}
		linktestv1.RegisterExerciseServer(h, counter{db: db})
		return nil
	}
	return kerf.App{Name: "pair", Services: []kerf.Service{
		{Name: "front", Calls: []string{"back"}, New: front},
		{Name: "back", Serves: []*grpc.ServiceDesc{&linktestv1.Exercise_ServiceDesc}, New: back},
	}}
}

var plans = []string{"", "testdata/together.yaml", "testdata/apart.yaml"}

func page(t *testing.T, env *kerftest.Env) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, env.URL()+"/hi", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func tell(t *testing.T, env *kerftest.Env) {
	t.Helper()
	_, err := linktestv1.NewExerciseClient(env.Conn("back")).Tell(t.Context(), &linktestv1.Message{Text: "x"})
	if err != nil {
		t.Fatal(err)
	}
}

//nolint:tparallel // what the subtests ran is asked after them
func TestRunIsOneSubtestForEachPlan(t *testing.T) {
	t.Parallel()
	var ran []string
	t.Run("plans", func(t *testing.T) {
		kerftest.Run(t, pair(), plans, func(t *testing.T, env *kerftest.Env) {
			t.Helper()
			ran = append(ran, t.Name()[strings.LastIndexByte(t.Name(), '/')+1:])
			if got := page(t, env); got != "/hi 0" {
				t.Errorf("the page says %q: is the store new?", got)
			}
			tell(t, env)
			if got := page(t, env); got != "/hi 1" {
				t.Errorf("the page says %q", got)
			}
		})
	})
	if got := strings.Join(ran, " "); got != "no_plan together apart" {
		t.Errorf("it ran %s", got)
	}
	if _, err := os.Stat("testdata/nobody-writes-here"); err == nil {
		t.Error("the plan's own store was opened")
	}
}

func TestAKilledProcessIsAwayUntilItsRestart(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, env *kerftest.Env) {
		t.Helper()
		tell(t, env)
		before := env.URL()
		env.Kill("back")
		if got := page(t, env); got != codes.Unavailable.String() {
			t.Errorf("without back the page says %q", got)
		}
		env.Restart("back")
		if got := page(t, env); got != "/hi 1" {
			t.Errorf("after the restart the page says %q: its data is gone", got)
		}
		env.Restart("front")
		if env.URL() != before || page(t, env) != "/hi 1" {
			t.Errorf("the page was at %s and is at %s", before, env.URL())
		}
	})
}

// eachWay runs a test under the plan apart, with processes of either sort.
func eachWay(t *testing.T, test func(*testing.T, *kerftest.Env)) {
	t.Helper()
	t.Run("inside the test", func(t *testing.T) {
		t.Parallel()
		kerftest.Run(t, pair(), plans[2:], test)
	})
	t.Run("real processes", func(t *testing.T) {
		t.Parallel()
		test(t, kerftest.Processes(t, pair(), plans[2]))
	})
}

func TestAReplacedProcessFailsNoRequest(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, env *kerftest.Env) {
		t.Helper()
		stop, failed := make(chan struct{}), make(chan string, 1)
		var all sync.WaitGroup
		var asked atomic.Int64
		for range 4 {
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					asked.Add(1)
					if got := page(t, env); got != "/hi 0" {
						select {
						case failed <- got:
						default:
						}
					}
				}
			})
		}
		env.Replace("back")
		env.Replace("back")
		close(stop)
		all.Wait()
		select {
		case got := <-failed:
			t.Errorf("a page said %q", got)
		default:
		}
		if asked.Load() == 0 {
			t.Error("nobody asked")
		}
	})
}

func TestAServiceThatNobodyElseCallsIsReachedInItsProcess(t *testing.T) {
	t.Parallel()
	kerftest.Run(t, pair(), plans[:2], func(t *testing.T, env *kerftest.Env) {
		t.Helper()
		tell(t, env)
		env.Conn("back") // twice is as good as once
		tell(t, env)
		if got := page(t, env); got != "/hi 2" {
			t.Error(got)
		}
	})
}

// failEnv lets the tests below, which fail on purpose, run in a process of their own.
const failEnv = "KERFTEST_FAILS"

func TestFailures(t *testing.T) {
	t.Parallel()
	broken := pair()
	broken.Services[1].New = func(context.Context, *kerf.Host) error { return errors.New("cannot be built") }
	fails := map[string]struct {
		test func()
		want string
	}{
		"a plan with a mistake": {
			func() { kerftest.Run(t, pair(), []string{"testdata/mistake.yaml"}, nil) },
			"plan: testdata/mistake.yaml:3:12: no process runs back",
		},
		"a plan that is not there": {
			func() { kerftest.Processes(t, pair(), "nowhere.yaml") }, "nowhere.yaml",
		},
		"an app that cannot be built": {
			func() { kerftest.Run(t, broken, []string{""}, nil) },
			"start process pair: service back: cannot be built",
		},
		"a service that is not there": {
			func() {
				kerftest.Run(t, pair(), []string{""}, func(_ *testing.T, env *kerftest.Env) { env.Conn("nobody") })
			}, `no service "nobody" in the app`,
		},
		"a process that is not there": {
			func() {
				kerftest.Run(t, pair(), []string{""}, func(_ *testing.T, env *kerftest.Env) { env.Kill("back") })
			}, "kill process back: there is no such process",
		},
		"a real process that is not there": {
			func() { kerftest.Processes(t, pair(), plans[2]).Restart("nobody") },
			`restart process nobody: there is no process "nobody"`,
		},
		"a service without a listener": {
			func() { kerftest.Processes(t, pair(), plans[2]).Conn("front") },
			"conn to service front: no other process calls it",
		},
		"an app without pages": {
			func() {
				app := pair()
				app.Services = app.Services[1:]
				kerftest.Run(t, app, []string{""}, func(_ *testing.T, env *kerftest.Env) { env.URL() })
			}, "no process of the plan serves web pages",
		},
	}
	if name := os.Getenv(failEnv); name != "" {
		fails[name].test()
		return
	}
	for name, c := range fails {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFailures$", "-test.count=1")
			cmd.Env = append(os.Environ(), failEnv+"="+name)
			cmd.Dir, _ = filepath.Abs(".")
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) || strings.Contains(string(out), "panic") {
				t.Errorf("%v: the output does not say %q:\n%s", err, c.want, out)
			}
		})
	}
}
