package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
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
	// SingleWriter tells that the store takes one write transaction at a time.
	SingleWriter() bool
}

// Options is how a store behaves; the zero value is valid.
type Options struct {
	Tracer trace.TracerProvider // nil: no spans

	// MaxConns bounds the connections of one service in one process; 0: 8.
	MaxConns int
	// MaxWait bounds the wait for the turn to write, in a single-writer store; 0: 5 s.
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

// ErrBusy is returned by InTx when the turn to write did not come in time.
// Nothing was written.
var ErrBusy = errors.New("store is busy: the turn to write did not come in time")

// Open opens the store of one service. rawURL is scheme:rest, and the driver of
// that scheme understands the rest.
func Open(ctx context.Context, rawURL, service string, drivers []Driver, o Options) (*DB, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("store %q: %w", rawURL, err)
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
	return nil, fmt.Errorf("store %q: no driver for scheme %q", rawURL, u.Scheme)
}

// Migrate brings the tables up to the newest migration: goose's SQL files in the
// root of the FS. A store that holds migrations this binary does not know is
// refused and left alone. A second call does nothing.
func (db *DB) Migrate(ctx context.Context, migrations fs.FS) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.migrated {
		return nil
	}
	p, err := goose.NewProvider(db.driver.Dialect(), db.DB, migrations)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	current, newest, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if current > newest {
		return fmt.Errorf("the store is at version %d and this binary knows only %d: run a newer binary",
			current, newest)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate from version %d to %d: %w", current, newest, err)
	}
	db.migrated = true
	return nil
}

// InTx runs f in a transaction: committed if f returns nil, else rolled back and
// f's error returned as it is. An error of the commit itself leaves unknown
// whether it happened. f must use only the transaction, never db.
func (db *DB) InTx(ctx context.Context, f func(*sql.Tx) error) error {
	done, err := db.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer done()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing; before, the first error counts
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
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
