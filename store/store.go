package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	"go.opentelemetry.io/otel/trace"
)

// Driver is one kind of SQL store, named by the scheme of its URLs.
type Driver interface {
	Scheme() string
	Dialect() goose.Dialect
	// Open makes the pool of one service's store, creating what is missing.
	Open(ctx context.Context, u *url.URL, service string, o Options) (*sql.DB, error)
	// Busy tells of an error that another process was writing for too long.
	Busy(err error) bool
	// SingleWriter tells that the store takes one write transaction at a time.
	SingleWriter() bool
}

// Options is how a store behaves; the zero value is valid.
type Options struct {
	Tracer trace.TracerProvider // nil: no spans

	// MaxConns bounds the connections of one service in one process; 0: 8.
	MaxConns int
	// MaxWait bounds the wait for the turn to write, in a single-writer store: once
	// within this process, and once for other processes that write, which the end of
	// a context does not cut short in SQLite; 0: 5 s.
	MaxWait time.Duration
}

// DB is one service's own store: an *sql.DB, with transactions that take turns
// where the store has a single writer. It is safe for concurrent use.
type DB struct {
	*sql.DB
	driver  Driver
	maxWait time.Duration
	turn    chan struct{} // holds a token while somebody writes; nil if many may

	mu       sync.Mutex // guards migrated
	migrated bool
}

// ErrBusy is wrapped by InTx's error when the turn to write did not come in time,
// because others of this process or another process were writing. Nothing was
// written: the transaction may be tried again.
var ErrBusy = errors.New("store is busy: the turn to write did not come in time")

// Open opens the store of one service. rawURL is scheme:rest, and the driver of
// that scheme understands the rest. No error repeats a password.
func Open(ctx context.Context, rawURL, service string, drivers []Driver, o Options) (*DB, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("the store's URL cannot be understood: write SCHEME:REST, such as sqlite:FOLDER")
	}
	if o.MaxConns == 0 {
		o.MaxConns = 8
	}
	if o.MaxWait == 0 {
		o.MaxWait = 5 * time.Second
	}
	for _, d := range drivers {
		if d.Scheme() != u.Scheme {
			continue
		}
		pool, err := d.Open(ctx, u, service, o)
		if err != nil {
			return nil, fmt.Errorf("open store of %s: %w", service, err)
		}
		pool.SetMaxOpenConns(o.MaxConns)
		pool.SetMaxIdleConns(o.MaxConns)
		db := &DB{DB: pool, driver: d, maxWait: o.MaxWait}
		if d.SingleWriter() {
			db.turn = make(chan struct{}, 1)
		}
		return db, nil
	}
	return nil, fmt.Errorf("store %q: no driver for scheme %q: there is %s", u.Redacted(), u.Scheme, schemes(drivers))
}

// InTx runs f in a transaction: committed if f returns nil, else rolled back and
// f's error returned; only one that says that another process writes becomes
// ErrBusy. An error of the commit itself leaves unknown
// whether it happened. f must use only the transaction, never db.
func (db *DB) InTx(ctx context.Context, f func(*sql.Tx) error) error {
	done, err := db.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer done()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return db.busy(fmt.Errorf("begin: %w", err))
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing; before, the first error counts
	if err := f(tx); err != nil {
		return db.busy(err)
	}
	if err := tx.Commit(); err != nil {
		return db.busy(fmt.Errorf("commit: %w", err))
	}
	return nil
}

// busy adds ErrBusy to an error that says the same in the driver's way.
func (db *DB) busy(err error) error {
	if db.driver.Busy(err) {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}

func (db *DB) takeTurn(ctx context.Context) (done func(), err error) {
	if db.turn == nil {
		return func() {}, nil
	}
	timer := time.NewTimer(db.maxWait)
	defer timer.Stop()
	select {
	case db.turn <- struct{}{}:
		return func() { <-db.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, ErrBusy
	}
}

func schemes(drivers []Driver) string {
	if len(drivers) == 0 {
		return "none"
	}
	names := make([]string, 0, len(drivers))
	for _, d := range drivers {
		names = append(names, d.Scheme())
	}
	return strings.Join(names, ", ")
}
