// Package sqlite keeps stores in SQLite files, one for each service, without cgo.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
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

// System is "sqlite".
func (Driver) System() string { return "sqlite" }

// Fault tells of SQLITE_BUSY and its kinds: another process writes.
func (Driver) Fault(err error) store.Fault {
	coded, ok := errors.AsType[*sqlite.Error](err)
	if ok && coded.Code()&0xff == sqlite3.SQLITE_BUSY { // the rest of the code tells the kind
		return store.Busy
	}
	return store.Other
}

// Exists asks the file's own list of tables.
func (Driver) Exists(ctx context.Context, db *sql.DB, table string) (exists bool, err error) {
	const query = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?)"
	row := db.QueryRowContext(ctx, query, table)
	return exists, row.Scan(&exists)
}

// Create does nothing: Open has done it.
func (Driver) Create(context.Context, *sql.DB, string) error { return nil }

// Locker is nil: a migration locks the file as every write does.
func (Driver) Locker(string) lock.SessionLocker { return nil }

// Open makes the folder and the file, both for the owner alone. What is foreign must be
// there: DIR may be the file itself, and neither is made nor its settings changed.
func (d Driver) Open(ctx context.Context, u *url.URL, service string, o store.Options) (driver.Connector, error) {
	path, err := folder(u)
	if err != nil {
		return nil, err
	}
	if o.Foreign {
		return openForeign(path, service, o)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	file := filepath.Join(path, service+".db")
	c, err := sqlite.NewConnector(dsn(file, o.MaxWait, "journal_mode(WAL)", "synchronous(FULL)"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := d.tryWriting(ctx, c); err != nil {
		return nil, fmt.Errorf("%s is no store that can be written: %w; "+
			"let this user write it, or keep data in another folder", file, err)
	}
	return c, nil
}

func openForeign(path, service string, o store.Options) (driver.Connector, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(path, service+".db")
		_, err = os.Stat(path)
	}
	if err != nil {
		return nil, fmt.Errorf("someone else's store is not there: %w; name the file, or the folder of %s.db",
			err, service)
	}
	return sqlite.NewConnector(dsn(path, o.MaxWait) + "&mode=rw")
}

// tryWriting begins a write and takes it back. That another process is writing
// just now is proof enough.
func (d Driver) tryWriting(ctx context.Context, c driver.Connector) (err error) {
	db := sql.OpenDB(c)
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if d.Fault(err) == store.Busy {
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

func dsn(file string, wait time.Duration, pragmas ...string) string {
	busy := fmt.Sprintf("busy_timeout(%d)", max(wait.Milliseconds(), 1))
	pragmas = slices.Concat([]string{busy}, pragmas, []string{"foreign_keys(1)"})
	q := url.Values{"_txlock": {"immediate"}, "_pragma": pragmas}
	path := (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath() // a name may hold "?" or "%"
	u := url.URL{Scheme: "file", Opaque: path, RawQuery: q.Encode()}
	return u.String()
}
