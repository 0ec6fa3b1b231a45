// Package sqlite keeps stores in SQLite files, one for each service, without cgo.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/XSAM/otelsql"
	"github.com/pressly/goose/v3"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace/noop"
	"modernc.org/sqlite" // the driver "sqlite", too
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/kerf-go/kerf/store"
)

// Driver opens "sqlite:DIR" as the file DIR/SERVICE.db. As in any URL, "?", "%" and
// their like in DIR are written %3F and %25. Writes are on disk when
// they are acknowledged: WAL with synchronous=FULL survives a killed process and
// a power cut.
type Driver struct{}

var _ store.Driver = Driver{}

// Scheme is "sqlite".
func (Driver) Scheme() string { return "sqlite" }

// Dialect is goose's for SQLite.
func (Driver) Dialect() goose.Dialect { return goose.DialectSQLite3 }

// SingleWriter is true: SQLite locks the whole file for a write.
func (Driver) SingleWriter() bool { return true }

// Busy tells of SQLITE_BUSY and its kinds: another process writes.
func (Driver) Busy(err error) bool {
	coded, ok := errors.AsType[*sqlite.Error](err)
	return ok && coded.Code()&0xff == sqlite3.SQLITE_BUSY // the rest of the code tells the kind
}

// Open makes the folder and the file, both for the owner alone.
func (Driver) Open(ctx context.Context, u *url.URL, service string, o store.Options) (*sql.DB, error) {
	dir, err := folder(u)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	file := filepath.Join(dir, service+".db")
	tracer := o.Tracer
	if tracer == nil {
		tracer = noop.NewTracerProvider()
	}
	db, err := otelsql.Open("sqlite", dsn(file, o.MaxWait),
		otelsql.WithTracerProvider(tracer),
		otelsql.WithAttributes(semconv.DBSystemNameSQLite, semconv.DBNamespace(service)),
		otelsql.WithSpanOptions(otelsql.SpanOptions{
			DisableErrSkip: true, OmitConnResetSession: true, OmitConnectorConnect: true, OmitRows: true,
		}))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := (Driver{}).tryWriting(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is no store that can be written: %w; "+
			"let this user write it, or keep data in another folder", file, err), db.Close())
	}
	return db, nil
}

// tryWriting begins a write and takes it back. That another process is writing
// just now is proof enough.
func (d Driver) tryWriting(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if d.Busy(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.Rollback()
}

func folder(u *url.URL) (string, error) {
	dir := u.Path
	if u.Opaque != "" {
		var err error
		if dir, err = url.PathUnescape(u.Opaque); err != nil {
			return "", fmt.Errorf("folder: %w: write %%25 for a percent sign", err)
		}
	}
	if dir == "" {
		return "", fmt.Errorf("%q names no folder: write sqlite:FOLDER", u.Redacted())
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q has no options: in the folder's name, write %%3F for a ? and %%23 for a #",
			u.Redacted())
	}
	return filepath.FromSlash(dir), nil
}

func dsn(file string, wait time.Duration) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", max(wait.Milliseconds(), 1)), "journal_mode(WAL)", "synchronous(FULL)",
		"foreign_keys(1)",
	}}
	path := (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath() // a name may hold "?" or "%"
	u := url.URL{Scheme: "file", Opaque: path, RawQuery: q.Encode()}
	return u.String()
}
