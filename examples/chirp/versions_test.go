package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/internal/later"
	"github.com/kerf-go/kerf/examples/chirp/story"
	"github.com/kerf-go/kerf/kerftest"
)

// laterEnv makes the app of this test binary a later version of itself.
const laterEnv = "CHIRP_LATER"

// versioned is the app as this process is to run it.
func versioned() kerf.App {
	a := app()
	if os.Getenv(laterEnv) != "" {
		a.UnaryClient = append(a.UnaryClient, later.Client)
		a.UnaryServer = append(a.UnaryServer, later.Server)
	}
	return a
}

// build makes the program of accounts, today's or a later one, from its own module.
func build(t *testing.T, to string, tags ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(),
		"go", "build", "-ldflags=-s -w", "-o", to, "-tags", strings.Join(tags, ","), ".")
	c.Dir = "accountsd"
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}

// planWith is plans/accountsd.yaml with a program that lies elsewhere.
func planWith(t *testing.T, program string) string {
	t.Helper()
	const usual = "../accountsd/accountsd"
	text, err := os.ReadFile("plans/accountsd.yaml")
	if err != nil || strings.Count(string(text), usual) != 1 {
		t.Fatalf("the plan does not run %s: %v", usual, err)
	}
	file := filepath.Join(t.TempDir(), "plan.yaml")
	text = []byte(strings.ReplaceAll(string(text), usual, filepath.ToSlash(program)))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAServiceAsAProgramOfItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	today, next := filepath.Join(dir, "today"), filepath.Join(dir, "later")
	build(t, today)
	build(t, next, "later")
	t.Run("is replaced under load", func(t *testing.T) {
		t.Parallel()
		replaceUnderLoad(t, today, next)
	})
	for name, c := range map[string]struct{ rest, accounts string }{
		"works with its like":                 {"", today},
		"may be newer than the rest":          {"", next},
		"may be older than the rest":          {"yes", today},
		"may be updated together with others": {"yes", next},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := runOutside(t, planWith(t, c.accounts), laterEnv+"="+c.rest)
			if got, want := answersLater(t, stock(t, o.address("accounts"))), c.accounts == next; got != want {
				t.Fatalf("accounts is the later one: %v, want %v", got, want)
			}
			ann := story.NewVisitor(t, "ann", o.url)
			ann.SignUp("ann", "a saw with 32 teeth")
			ann.Write("from one version to the other")
			story.NewVisitor(t, "ann again", o.url).LogIn("ann", "a saw with 32 teeth")
			ann.Sees("/", http.StatusOK, "from one version to the other", "@ann")
			ann.Sees("/settings", http.StatusOK, "Settings")
		})
	}
}

// answersLater tells which version of accounts answers.
func answersLater(t *testing.T, conn grpc.ClientConnInterface) bool {
	t.Helper()
	answer, err := accountsv1.NewAccountsClient(conn).BatchGetProfiles(t.Context(),
		&accountsv1.BatchGetProfilesRequest{Ids: []int64{1}})
	if err != nil {
		t.Fatal(err)
	}
	return later.Sent(answer)
}

func replaceUnderLoad(t *testing.T, today, next string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "accountsd")
	install(t, today, program)
	env := kerftest.Processes(t, app(), planWith(t, program))
	ann := story.NewVisitor(t, "ann", env.URL())
	ann.SignUp("ann", "a saw with 32 teeth")
	visits, stop := visit(t, ann)
	for _, version := range []string{next, today} { // there and back
		before := visits()
		install(t, version, program)
		env.Replace("accounts")
		if got, want := answersLater(t, env.Conn("accounts")), version == next; got != want {
			t.Errorf("after the update accounts is the later one: %v, want %v", got, want)
		}
		if visits() == before {
			t.Error("nobody visited during the update")
		}
	}
	stop()
	t.Logf("%d requests during two updates", visits())
}

// visit asks for a page again and again, in several places at once. No request may fail.
func visit(t *testing.T, v *story.Visitor) (visits func() int64, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var count atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for ctx.Err() == nil {
				page := v.Get("/settings") // needs accounts, twice
				if page.Status != http.StatusOK || !strings.Contains(page.Body, "Settings") {
					t.Errorf("a request failed: status %d: %s", page.Status, page.Body)
					return
				}
				count.Add(1)
			}
		})
	}
	return count.Load, func() { cancel(); all.Wait() }
}

// install puts a program into a place in one step, as an update does.
func install(t *testing.T, program, place string) {
	t.Helper()
	text, err := os.ReadFile(program)
	if err == nil {
		err = os.WriteFile(place+".new", text, 0o700)
	}
	if err == nil {
		err = os.Rename(place+".new", place)
	}
	if err != nil {
		t.Fatal(err)
	}
}
