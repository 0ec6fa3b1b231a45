package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/examples/chirp/story"
	trendsv1 "github.com/kerf-go/kerf/examples/chirp/trends/v1"
	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/kerftest"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/link"
)

// everyPlan has those that need Python too, if there is one.
var everyPlan = slices.Concat(withReplicas, []string{gated}, withPython(polyglot))

func withPython(plans ...string) []string {
	if _, err := exec.LookPath("python3"); err != nil {
		fmt.Fprintln(os.Stderr, "SKIPPED: no story of polyglot without python3")
		return nil
	}
	return plans
}

// needPython skips a test, or fails it where all must run.
func needPython(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("python3")
	switch {
	case err == nil:
	case os.Getenv("KERF_TEST_COMPLETE") != "":
		t.Fatal(err)
	default:
		t.Skipf("%v: install it (Debian: apt-get install python3) to run a service in another language", err)
	}
}

func TestTrendsKeepsItsContract(t *testing.T) {
	t.Parallel()
	needPython(t)
	kerftest.Run(t, app(), []string{polyglot}, func(t *testing.T, env *kerftest.Env) {
		t.Helper()
		trends := trendsv1.NewTrendsClient(env.Conn("trends"))
		for i, text := range []string{
			"#Kerf and #saw, #kerf", "#kerf #Ünïcödé", "a#no ##saw #saw-dust", "#" + strings.Repeat("x", 51), "no tag",
		} {
			for range 2 { // the second time changes nothing
				_, err := trends.Count(t.Context(), &trendsv1.CountRequest{PostId: int64(i) + 1<<40, Text: text})
				if err != nil {
					t.Fatalf("count %q: %v", text, err)
				}
			}
		}
		wantTop(t, trends, 0, "kerf 2, saw 2, ünïcödé 1")
		wantTop(t, trends, 1, "kerf 2")
		for name, want := range map[string]struct {
			err  error
			code codes.Code
			says string
		}{
			"a post without an id": {
				second(trends.Count(t.Context(), &trendsv1.CountRequest{Text: "#x"})),
				codes.InvalidArgument, "the post id is missing: ids begin at 1",
			},
			"a limit below zero": {
				second(trends.Top(t.Context(), &trendsv1.TopRequest{Limit: -1})), codes.InvalidArgument, "below zero",
			},
			"an unknown method": {
				env.Conn("trends").Invoke(t.Context(), "/chirp.trends.v1.Trends/Nothing",
					&trendsv1.TopRequest{}, &trendsv1.TopResponse{}),
				codes.Unimplemented, "unknown method",
			},
			"a message that is too large": {
				second(trends.Count(t.Context(),
					&trendsv1.CountRequest{PostId: 1, Text: strings.Repeat("x", 2<<20)})),
				codes.ResourceExhausted, "larger than",
			},
		} {
			if status.Code(want.err) != want.code || !strings.Contains(status.Convert(want.err).Message(), want.says) ||
				link.Ran(want.err) != link.Answered {
				t.Errorf("%s: %v, %v", name, want.err, link.Ran(want.err))
			}
		}
		for i := range 1000 { // now they are the latest
			_, err := trends.Count(t.Context(), &trendsv1.CountRequest{PostId: int64(i) + 1, Text: "#new"})
			if err != nil {
				t.Fatal(err)
			}
		}
		wantTop(t, trends, 0, "new 1000")
		health, err := healthpb.NewHealthClient(env.Conn("trends")).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil || health.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("health: %v, %v", health, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func wantTop(t *testing.T, trends trendsv1.TrendsClient, limit int32, want string) {
	t.Helper()
	answer, err := trends.Top(t.Context(), &trendsv1.TopRequest{Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(answer.GetTags()))
	for _, tag := range answer.GetTags() {
		got = append(got, fmt.Sprint(tag.GetName(), " ", tag.GetPosts()))
	}
	if all := strings.Join(got, ", "); all != want {
		t.Errorf("trends are %s, want %s", all, want)
	}
}

func TestPagesShowTrendsWhileThereAreAny(t *testing.T) {
	t.Parallel()
	needPython(t)
	env := kerftest.Processes(t, app(), polyglot)
	ann := story.NewVisitor(t, "ann", env.URL())
	ann.SignUp("ann", "a saw with 32 teeth")
	ann.Write("first #kerf")
	trending := func() bool { return strings.Contains(ann.Get("/").Body, `href="/search?q=%23kerf"`) }
	eventually(t, "the page shows a trend", trending)
	env.Kill("trends")
	ann.Write("nobody counts #this")
	ann.Sees("/", http.StatusOK, "nobody counts #this")
	if page := ann.Get("/").Body; strings.Contains(page, "Trending") || strings.Contains(page, "right now") {
		t.Errorf("without trends the page says so:\n%s", page)
	}
	env.Restart("trends")
	ann.Write("second #kerf")
	eventually(t, "the page shows a trend again", trending)
}

// trendsOf is the Python program of a running app.
func (o *outside) trendsOf() fleet.Status {
	o.t.Helper()
	for _, s := range o.status() {
		if s.Process == "trends" {
			return s
		}
	}
	o.t.Fatal("there is no process trends")
	return fleet.Status{}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// top asks a program for its trends, as nobody but the test does.
func top(t *testing.T, address string) error {
	t.Helper()
	conn, err := kit.Dial(address, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return second(trendsv1.NewTrendsClient(conn).Top(t.Context(), &trendsv1.TopRequest{}))
}

func TestAProgramInPythonIsSupervised(t *testing.T) {
	t.Parallel()
	needPython(t)
	o := runOutside(t, polyglot)
	before := o.trendsOf()
	if before.State != fleet.Ready || before.Link != "http" || !strings.Contains(before.Address, "codec=json") {
		t.Errorf("status: %+v", before)
	}
	if !strings.Contains(o.logged(), `trends   | {"level": "INFO", "msg": "ready"`) {
		t.Errorf("its log is not among the others:\n%s", o.logged())
	}
	kill(t, before.PID)
	eventually(t, "it runs again", func() bool {
		now := o.trendsOf()
		return now.State == fleet.Ready && now.Restarts == 1
	})
	if now := o.trendsOf(); now.Address != before.Address || now.PID == before.PID {
		t.Errorf("it was %+v and is %+v", before, now)
	}
	if err := top(t, before.Address); err != nil {
		t.Error(err)
	}
}

func TestAProgramInPythonDoesNotOutliveItsFleet(t *testing.T) {
	t.Parallel()
	needPython(t)
	data := t.TempDir()
	c := command(t.Context(), t, nil, "run", "--plan", polyglot, "--data", data, "--web", "127.0.0.1:0")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	o := &outside{t: t, data: data}
	eventually(t, "it runs", func() bool {
		return command(t.Context(), t, nil, "status", "--data", data).Run() == nil && o.trendsOf().State == fleet.Ready
	})
	address := o.trendsOf().Address
	if err := top(t, address); err != nil {
		t.Error(err)
	}
	kill(t, c.Process.Pid)
	_ = c.Wait()
	eventually(t, "it has ended", func() bool {
		return status.Code(top(t, address)) == codes.Unavailable
	})
}
