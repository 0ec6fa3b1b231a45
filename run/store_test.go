package run_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/internal/porttest"
	"github.com/kerf-go/kerf/internal/postgrestest"
	"github.com/kerf-go/kerf/kit"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/run"
	"github.com/kerf-go/kerf/store"
)

// notes makes a table; greetings fills it, too.
func notes() fs.FS { return migrations("CREATE TABLE notes (text TEXT)") }

func greetings() fs.FS {
	return migrations("CREATE TABLE notes (text TEXT)", "INSERT INTO notes VALUES ('hello')")
}

func migrations(up ...string) fs.FS {
	files := make(fstest.MapFS)
	for i, s := range up {
		files[string(rune('1'+i))+"_step.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + s + ";\n")}
	}
	return files
}

// storing is an app whose back answers with the notes in its store.
func storing(migrations fs.FS, also ...func(context.Context, *store.DB) error) kerf.App {
	return pair(nil, func(ctx context.Context, h *kerf.Host) error {
		db, err := h.DB(ctx, migrations)
		if err != nil {
			return err
		}
		linktestv1.RegisterExerciseServer(h, &handlers{unary: func(ctx context.Context, _ *message) (*message, error) {
			for _, one := range also {
				if err := one(ctx, db); err != nil {
					return nil, err
				}
			}
			all, err := store.All(ctx, db, func(r *sql.Rows) (text string, err error) {
				return text, r.Scan(&text)
			}, "SELECT text FROM notes")
			return &message{Text: strings.Join(all, ",")}, err
		}})
		return nil
	})
}

// begin starts the only process of a system, without waiting until it is ready.
func (s *system) begin() *run.Process {
	s.t.Helper()
	p, err := run.Start(s.t.Context(), s.options("all"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { stop(s.t, p) })
	return p
}

// readiness is what /readyz answers.
func readiness(t *testing.T, p *run.Process) (ready bool, text string) {
	t.Helper()
	return page(t, p.Admin()+"/readyz")
}

func page(t *testing.T, url string) (ok bool, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode == http.StatusOK, string(body)
}

func wantReadiness(t *testing.T, p *run.Process, words ...string) {
	t.Helper()
	ready, text := readiness(t, p)
	if ready {
		t.Error("it is ready")
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("the reason is %s without %q", text, word)
		}
	}
}

func becomesReady(t *testing.T, p *run.Process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestAProcessStartsWhileItsDatabaseIsAway(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	address := porttest.Free(t)
	s := newSystem(t, storing(greetings()), together+"store: {url: '"+d.Through(address)+"', wait: 100ms}\n")
	p := s.begin()
	wantReadiness(t, p, `"back store"`, "store is away", "connection refused")
	if _, err := askFront(t.Context(), dial(t, p), ""); status.Code(err) != codes.Unavailable {
		t.Errorf("a call: %v, want Unavailable", err)
	}
	if !strings.Contains(s.log.String(), "will not be ready before its store is") {
		t.Errorf("the log does not tell:\n%s", s.log)
	}
	postgrestest.NewProxyAt(t, address, d.Server)
	becomesReady(t, p)
	if got, err := askFront(t.Context(), dial(t, p), ""); got != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestADatabaseThatGoesAwayIsTheReasonWhileItIs(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	proxy := postgrestest.NewProxy(t, d.Server)
	s := newSystem(t, storing(greetings()), together+"store: '"+d.Through(proxy.Address)+"'\n")
	p := s.begin()
	becomesReady(t, p)
	proxy.Hole()
	began := time.Now()
	wantReadiness(t, p, `"back store"`, "store is away")
	if took := time.Since(began); took > patience/2 {
		t.Errorf("the probe took %v", took)
	}
	proxy.Heal()
	becomesReady(t, p)
}

func TestCallersAreNotToldWhereTheDatabaseIs(t *testing.T) {
	t.Parallel()
	ask := make(chan func(context.Context, *store.DB) error, 1)
	app := pair(nil, func(ctx context.Context, h *kerf.Host) error {
		db, err := h.DB(ctx, notes())
		linktestv1.RegisterExerciseServer(h, &handlers{unary: func(ctx context.Context, _ *message) (*message, error) {
			return nil, (<-ask)(ctx, db)
		}})
		return err
	})
	host, port, _ := net.SplitHostPort(porttest.Free(t))
	s := newSystem(t, app, together+
		"store: {url: 'postgres://alice@"+net.JoinHostPort(host, port)+"/ledger', wait: 20ms}\n")
	conn := dial(t, s.begin())
	nothing := func(*sql.Tx) error { return nil }
	for name, f := range map[string]func(context.Context, *store.DB) error{
		"a statement":   func(ctx context.Context, db *store.DB) error { return db.PingContext(ctx) },
		"a transaction": func(ctx context.Context, db *store.DB) error { return db.InTx(ctx, nothing) },
		"one wrapped": func(ctx context.Context, db *store.DB) error {
			return fmt.Errorf("read notes: %w", db.Read(ctx, nothing))
		},
		"a row": func(ctx context.Context, db *store.DB) error {
			return db.QueryRowContext(ctx, "SELECT 1").Scan(new(int))
		},
	} {
		before := len(s.log.String())
		ask <- f
		_, err := askFront(t.Context(), conn, "")
		if got := status.Convert(err); got.Code() != codes.Unavailable || got.Message() != "store is away" {
			t.Errorf("%s: the caller is told %v", name, got)
		}
		log := s.log.String()[before:]
		for _, word := range []string{"user=alice", "database=ledger", host + ":" + port} {
			if !strings.Contains(log, word) {
				t.Errorf("%s: the log does not tell %s:\n%s", name, word, log)
			}
		}
	}
}

func TestAProcessIsNotReadyBeforeSomebodyHasMigrated(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, url := range map[string]func(t *testing.T) string{
		"SQLite":     func(*testing.T) string { return "sqlite:" + filepath.ToSlash(folder) },
		"PostgreSQL": func(t *testing.T) string { t.Helper(); return postgrestest.New(t).URL },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := planFile(t, together+"store: {url: '"+url(t)+"', migrate: false}\n")
			s := newSystem(t, storing(greetings()), "version: 1\napp: pair\n")
			s.plan = resolved(t, s.app, file)
			p := s.begin()
			wantReadiness(t, p, `"back store"`, "migrations are pending: 2, from version 0 to 2",
				"pair migrate back --plan "+file)
			if _, err := askFront(t.Context(), dial(t, p), ""); status.Code(err) != codes.Unavailable {
				t.Errorf("a call: %v, want Unavailable", err)
			}
			wantCommand(t, s.app, "migrate --status --plan "+file, "back     0        2       2        ")
			wantCommand(t, s.app, "migrate back --plan "+file, "back: migrated from version 0 to 2\n")
			wantCommand(t, s.app, "migrate --plan "+file, "back: at version 2, and nothing to do\n")
			wantCommand(t, s.app, "migrate --status --plan "+file, "back     2        2       0        ")
			becomesReady(t, p)
			if got, err := askFront(t.Context(), dial(t, p), ""); got != "hello" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestTheCommandThatMigratesIsForAShell(t *testing.T) {
	t.Parallel()
	s := newSystem(t, storing(greetings()), together+"store: {migrate: false}\n")
	s.data = filepath.Join(s.data, "my data")
	wantReadiness(t, s.begin(), "--data '"+s.data+"'")
}

// resolved reads a plan's file.
func resolved(t *testing.T, app kerf.App, file string) *plan.Plan {
	t.Helper()
	p, err := plan.Resolve(file, kit.Batteries().Model(app))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wantCommand(t *testing.T, app kerf.App, line, want string) {
	t.Helper()
	out, err := command(t, app, strings.Fields(line)...)
	if err != nil || !strings.Contains(out, want) {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
}

// A service that the plan leaves out need not even be built.
func TestOnlyStoresOfServicesInThePlanAreMigrated(t *testing.T) {
	t.Parallel()
	app := storing(greetings())
	app.Services = append(app.Services, kerf.Service{
		Name: "extra", Optional: true,
		New: func(context.Context, *kerf.Host) error { return errors.New("it was built") },
	})
	data := " --data " + t.TempDir()
	wantCommand(t, app, "migrate"+data, "back: migrated from version 0 to 2")
	_, err := command(t, app, strings.Fields("migrate extra"+data)...)
	wantError(t, err, "it was built")
}

func TestMigratingWhatCannotBe(t *testing.T) {
	t.Parallel()
	data := " --data " + t.TempDir()
	newer := storing(greetings())
	wantCommand(t, newer, "migrate"+data, "back: migrated from version 0 to 2")
	for line, want := range map[string]string{
		"migrate nobody": `there is no service "nobody"`,
		"migrate front":  "service front: it has no store",
		"migrate":        "service back: the store is at version 2 and this binary knows only 1: run a newer binary",
	} {
		_, err := command(t, storing(notes()), strings.Fields(line+data)...)
		wantError(t, err, want)
	}
	_, err := command(t, storing(nil), strings.Fields("migrate"+data)...)
	wantError(t, err, "service back: there are no migrations")
	file := planFile(t, together+"store: postgres://u:hunter2@"+porttest.Free(t)+"/db\n")
	_, err = command(t, storing(notes()), "migrate", "--plan", file)
	wantError(t, err, "store is away", "start the database, or say in the plan where it is")
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the password shows: %v", err)
	}
}

// TestNothingIsWrittenIntoAForeignStore serves from a file that an older program keeps.
func TestNothingIsWrittenIntoAForeignStore(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	legacy := filepath.Join(folder, "legacy.sqlite")
	db, err := sql.Open("sqlite", legacy)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('old')")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(legacy)
	if err != nil {
		t.Fatal(err)
	}
	for name, none := range map[string]fs.FS{"without migrations": nil, "with migrations": greetings()} {
		s := newSystem(t, storing(none), together+
			"store: {services: {back: {url: 'sqlite:"+filepath.ToSlash(legacy)+"', foreign: true}}}\n")
		p := s.begin()
		becomesReady(t, p)
		if got, err := askFront(t.Context(), dial(t, p), ""); got != "old" || err != nil {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		stop(t, p)
	}
	file := planFile(t, together+"store: {url: 'sqlite:"+filepath.ToSlash(legacy)+"', foreign: true}\n")
	wantCommand(t, storing(greetings()), "migrate --plan "+file, "back: the tables are someone else's, and left alone")
	if after, err := os.ReadFile(legacy); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed: %v", err)
	}
	if all, err := os.ReadDir(folder); err != nil || len(all) != 1 {
		t.Errorf("beside it are now %v, %v", all, err)
	}
}

func TestAForeignStoreMustBeThere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := newSystem(t, storing(nil), together+"store: {url: 'sqlite:"+filepath.ToSlash(folder)+"', foreign: true}\n")
	_, err := run.Start(t.Context(), s.options("all"))
	wantError(t, err, "someone else's store is not there", "back.db")
	if all, err := os.ReadDir(folder); err != nil || len(all) != 0 {
		t.Errorf("it was made: %v, %v", all, err)
	}
}

func TestAFullPoolIsToldToTheCallerAndInTheMetrics(t *testing.T) {
	t.Parallel()
	app := storing(greetings(), func(_ context.Context, db *store.DB) error {
		return db.InTx(context.Background(), func(*sql.Tx) error { return db.PingContext(context.Background()) })
	})
	s := newSystem(t, app, together+"store: {connections: 1, wait: 20ms}\n")
	p := s.begin()
	becomesReady(t, p)
	if _, err := askFront(t.Context(), dial(t, p), ""); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v, want ResourceExhausted", err)
	}
	_, text := page(t, p.Admin()+"/metrics")
	for _, want := range []string{
		`kerf_store_connections_max{service="back"} 1`, `kerf_store_connections_in_use{service="back"} 0`,
		`kerf_store_connections_open{service="back"} 1`, `kerf_store_waits_total{service="back"} 1`,
		`kerf_store_wait_seconds_total{service="back"} 0.0`, `kerf_store_refused_total{service="back"} 1`,
		`kerf_store_repeats_total{service="back"} 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}

func TestCallersOfALockedStoreAreToldInTime(t *testing.T) {
	t.Parallel()
	app := storing(greetings(), func(ctx context.Context, db *store.DB) error {
		return db.InTx(ctx, func(*sql.Tx) error { return nil })
	})
	s := newSystem(t, app, together)
	p := s.begin()
	becomesReady(t, p)
	other, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(s.data, "back.db"))+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	lock, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Rollback()
	conn := dial(t, p)
	var all sync.WaitGroup
	for range 3 { // who waits in vain for a turn in this process, and who then waits for the other
		all.Go(func() {
			began := time.Now()
			_, err := askFront(t.Context(), conn, "")
			got := status.Convert(err)
			if got.Code() != codes.Unavailable || !strings.Contains(got.Message(), "store is busy") {
				t.Errorf("after %v: %v, want that it is busy", time.Since(began), err)
			}
		})
	}
	all.Wait()
}
