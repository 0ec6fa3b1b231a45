// Package postgrestest gives tests databases of their own on a real PostgreSQL, and ways
// to break the connections to them.
//
//	db := postgrestest.New(t)
//	s, err := store.Open(ctx, db.URL, "accounts", drivers, store.Options{})
//	db.Terminate(t) // as an administrator who restarts the server
//
// The server is that of the environment variable KERF_TEST_POSTGRES, a URL whose user may
// create databases; without, postgres on 127.0.0.1:5432. Where there is none, tests skip, or
// fail if KERF_TEST_COMPLETE is set.
package postgrestest

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

const usual = "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable"

// Database is one that is dropped when the test ends.
type Database struct {
	URL    string
	Server string // host:port

	name  string
	admin *sql.DB
}

// New makes an empty database.
func New(t *testing.T) *Database {
	t.Helper()
	raw := cmp.Or(os.Getenv("KERF_TEST_POSTGRES"), usual)
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("KERF_TEST_POSTGRES is no URL")
	}
	admin, err := sql.Open("pgx", raw)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) //nolint:mnd // bounds what hangs
	defer cancel()
	if err := admin.PingContext(ctx); err != nil {
		missing(t, fmt.Sprintf("there is no PostgreSQL at %s: start one there, or name another one in "+
			"KERF_TEST_POSTGRES: %v", u.Redacted(), err))
	}
	d := &Database{name: "kerf_test_" + strings.ToLower(rand.Text()), Server: u.Host, admin: admin}
	d.exec(t, "CREATE DATABASE "+d.name)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if _, err := admin.ExecContext(ctx, "DROP DATABASE "+d.name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	u.Path = "/" + d.name
	d.URL = u.String()
	return d
}

// Through is the URL of the database by way of another address.
func (d *Database) Through(address string) string {
	return strings.Replace(d.URL, d.Server, address, 1)
}

// Terminate kills every session of the database, and tells how many there were.
func (d *Database) Terminate(t *testing.T) int {
	t.Helper()
	var n int
	row := d.admin.QueryRowContext(t.Context(),
		"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1", d.name)
	if err := row.Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Open gives a plain pool of the database, until the test ends.
func (d *Database) Open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", d.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (d *Database) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := d.admin.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("KERF_TEST_COMPLETE") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}
