package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/internal/postgrestest"
	"github.com/kerf-go/kerf/store"
	"github.com/kerf-go/kerf/store/postgres"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func drivers() []store.Driver { return []store.Driver{postgres.Driver{}} }

// patience bounds every wait of a test. It is no measure of speed.
const patience = 20 * time.Second

// sqlFiles makes one migration of each statement.
func sqlFiles(up ...string) fs.FS {
	files := make(fstest.MapFS)
	for i, s := range up {
		files[fmt.Sprintf("%05d_step.sql", i+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + s + ";\n")}
	}
	return files
}

// counters is a table of numbers by name.
func counters() fs.FS {
	return sqlFiles("CREATE TABLE counters (name TEXT PRIMARY KEY, n BIGINT NOT NULL)",
		"INSERT INTO counters VALUES ('a', 0), ('b', 0)")
}

// bare opens a service's store without any migration, until the test ends.
func bare(t *testing.T, url, service string, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), url, service, drivers(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// open gives the store of counters.
func open(t *testing.T, url string, o store.Options) *store.DB {
	t.Helper()
	db := bare(t, url, "counters", o)
	if err := db.Migrate(t.Context(), counters()); err != nil {
		t.Fatal(err)
	}
	return db
}

// behindProxy is the store of counters at the other end of a proxy.
func behindProxy(t *testing.T, o store.Options) (*store.DB, *postgrestest.Proxy, *postgrestest.Database) {
	t.Helper()
	d := postgrestest.New(t)
	p := postgrestest.NewProxy(t, d.Server)
	return open(t, d.Through(p.Address), o), p, d
}

// poll asks until it is so.
func poll(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !so(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited %s until %s", patience, what)
		}
	}
}

func bounded(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// addOne reads a counter and writes it, as careless services do.
func addOne(ctx context.Context, tx *sql.Tx, name string) error {
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT n FROM counters WHERE name = $1", name).Scan(&n); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE counters SET n = $1 WHERE name = $2", n+1, name)
	return err
}

func value(t *testing.T, db *store.DB, name string) (n int) {
	t.Helper()
	err := db.Read(bounded(t, patience), func(tx *sql.Tx) error {
		return tx.QueryRowContext(t.Context(), "SELECT n FROM counters WHERE name = $1", name).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
