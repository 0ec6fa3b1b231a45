package postgres_test

import (
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/kerf-go/kerf/internal/postgrestest"
	"github.com/kerf-go/kerf/store"
)

func TestEachServiceHasItsOwnSchema(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	a := open(t, d.URL, store.Options{})
	b := bare(t, d.URL, "other-service", store.Options{})
	if err := b.Migrate(t.Context(), sqlFiles("CREATE TABLE others (name TEXT)")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ExecContext(t.Context(), "SELECT n FROM counters"); err == nil {
		t.Error("one service sees the tables of another")
	}
	for db, want := range map[*store.DB]string{a: "counters", b: "other-service"} {
		var schema, application string
		row := db.QueryRowContext(t.Context(), "SELECT current_schema(), current_setting('application_name')")
		if err := row.Scan(&schema, &application); err != nil || schema != want || application != want {
			t.Errorf("schema %q, application %q, %v; want %q", schema, application, err, want)
		}
	}
}

func TestProcessesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	migrations := sqlFiles("CREATE TABLE counters (name TEXT PRIMARY KEY, n BIGINT NOT NULL)",
		"INSERT INTO counters VALUES ('a', 0)", "SELECT pg_sleep(0.05)",
		"UPDATE counters SET n = n + 1", "SELECT pg_sleep(0.05)", "UPDATE counters SET n = n + 1",
		"-- +goose NO TRANSACTION\nCREATE INDEX CONCURRENTLY numbers ON counters (n)")
	var all sync.WaitGroup
	const processes = 4
	for range processes {
		db := bare(t, d.URL, "counters", store.Options{})
		all.Go(func() {
			if err := db.Migrate(t.Context(), migrations); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := value(t, bare(t, d.URL, "counters", store.Options{}), "a"); n != 2 {
		t.Errorf("the counter stands at %d: a migration ran twice", n)
	}
}

func TestWhatCannotBeUnderstoodShowsNoPassword(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://u:hunter2@h/db?sslmode=never":       "sslmode",
		"postgres://u@h/db?password=hunter2":            "PGPASSWORD",
		"postgres://u:hunter2@h/db?search_path=x":       "search_path",
		"postgres://u:hunter2@h/db?connect_timeout=abc": "connect_timeout",
	} {
		_, err := store.Open(t.Context(), url, "things", drivers(), store.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestAMistakeInTheURLIsToldAtOnce(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	db := bare(t, strings.Replace(d.URL, "?", "_is_not_there?", 1), "counters", store.Options{})
	err := db.PingContext(t.Context())
	if err == nil || errors.Is(err, store.ErrAway) || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got %v, want that there is no such database", err)
	}
}

// TestNothingIsWrittenIntoWhatIsForeign looks at a database that has a schema of
// the service's name too.
func TestNothingIsWrittenIntoWhatIsForeign(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	owner := d.Open(t)
	for _, statement := range []string{"CREATE SCHEMA counters", "CREATE TABLE public.counters (name TEXT, n INT)"} {
		if _, err := owner.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	before := catalogue(t, owner)
	db := bare(t, d.URL, "counters", store.Options{Foreign: true})
	if err := db.Health(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO counters VALUES ('the service''s own', 1)"); err != nil {
		t.Errorf("the service cannot write: %v", err)
	}
	if after := catalogue(t, owner); after != before {
		t.Errorf("there was\n%s\nand now there is\n%s", before, after)
	}
}

func TestLookingAtVersionsWritesNothing(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	if _, err := d.Open(t).ExecContext(t.Context(), "CREATE SCHEMA counters"); err != nil {
		t.Fatal(err)
	}
	before := catalogue(t, d.Open(t))
	db := bare(t, d.URL, "counters", store.Options{MigrateCommand: "app migrate counters"})
	v, err := db.Versions(t.Context(), counters())
	if err != nil || v != (store.Versions{Current: 0, Newest: 2, Pending: 2}) {
		t.Errorf("%+v, %v", v, err)
	}
	err = db.AwaitMigrations(t.Context(), counters())
	if !errors.Is(err, store.ErrPending) || !strings.Contains(err.Error(), `run "app migrate counters"`) {
		t.Errorf("got %v, want that migrations are pending, and the command", err)
	}
	if err := db.PingContext(t.Context()); !errors.Is(err, store.ErrPending) {
		t.Errorf("a statement: %v", err)
	}
	if after := catalogue(t, d.Open(t)); after != before {
		t.Errorf("there was\n%s\nand now there is\n%s", before, after)
	}
	open(t, d.URL, store.Options{}) // somebody migrates
	if err := db.AwaitMigrations(t.Context(), counters()); err != nil {
		t.Error(err)
	}
	if err := db.PingContext(t.Context()); err != nil {
		t.Error(err)
	}
}

// catalogue lists all that has been made in a database.
func catalogue(t *testing.T, db *sql.DB) (all string) {
	t.Helper()
	err := db.QueryRowContext(t.Context(), `SELECT string_agg(what, ', ' ORDER BY what) FROM (
		SELECT 'schema ' || nspname AS what FROM pg_namespace WHERE nspname NOT LIKE 'pg_%'
		UNION ALL SELECT relnamespace::regnamespace || '.' || relname FROM pg_class
		WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)') AS everything`).Scan(&all)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
