package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/XSAM/otelsql"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Driver is one kind of SQL store, named by the scheme of its URLs.
type Driver interface {
	Scheme() string
	Dialect() goose.Dialect
	// System is OpenTelemetry's name for it, db.system.name.
	System() string
	// Open gives what makes the connections of one service's store. Over a network it
	// makes none yet.
	Open(ctx context.Context, u *url.URL, service string, o Options) (driver.Connector, error)
	// Exists tells whether a table is there.
	Exists(ctx context.Context, db *sql.DB, table string) (bool, error)
	// Create makes the place for the service's tables; it does nothing if it is there.
	Create(ctx context.Context, db *sql.DB, service string) error
	// Locker keeps two processes from migrating a store at the same time; nil: each
	// migration locks the store by itself.
	Locker(service string) lock.SessionLocker
	// Fault tells what an error means for those who may try again.
	Fault(err error) Fault
	// SingleWriter tells that the store takes one write transaction at a time.
	SingleWriter() bool
}

// Options is how a store behaves; the zero value is valid.
type Options struct {
	Tracer trace.TracerProvider // nil: no spans

	// MaxConns bounds the connections of one service in one process; 0: 8.
	MaxConns int
	// ConnWait bounds the wait for a connection, one that others use or one that cannot
	// be made at present; 0: 1 s. A context that ends earlier ends it.
	ConnWait time.Duration
	// MaxWait bounds the wait for the turn to write, in a single-writer store: once
	// within this process, and once for other processes that write, which the end of
	// a context does not cut short in SQLite; 0: 2 s.
	MaxWait time.Duration

	// Foreign tells that someone else owns the tables: opening writes nothing, not
	// even what a store needs to be one.
	Foreign bool
	// MigrateCommand is what to run when migrations are pending, for the error that
	// tells of them; empty: no advice.
	MigrateCommand string
}

func (o Options) withDefaults() Options {
	if o.MaxConns == 0 {
		o.MaxConns = 8
	}
	if o.ConnWait == 0 {
		o.ConnWait = time.Second // short beside a caller's deadline of 5 s, long beside a failover
	}
	if o.MaxWait == 0 {
		o.MaxWait = 2 * time.Second // and twice that is still short beside 5 s
	}
	if o.Tracer == nil {
		o.Tracer = noop.NewTracerProvider()
	}
	return o
}

// DB is one service's own store: an *sql.DB, with bounded waits for connections, and
// transactions that are repeated, and take turns where the store has a single writer.
// It is safe for concurrent use.
//
// The statements of PrepareContext are database/sql's own: they wait for a connection
// as long as their context lets them.
type DB struct {
	*sql.DB
	driver    Driver
	service   string
	options   Options
	connector *patient
	turn      chan struct{} // holds a token while somebody writes; nil if many may

	unready          atomic.Pointer[error] // why every statement is refused; nil: none is
	repeats, refused atomic.Int64

	mu       sync.Mutex // guards migrated
	migrated bool
}

// Open opens the store of one service. rawURL is scheme:rest, and the driver of
// that scheme understands the rest. A store on a network is not yet reached. No error
// repeats a password.
func Open(ctx context.Context, rawURL, service string, drivers []Driver, o Options) (*DB, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("the store's URL cannot be understood: write SCHEME:REST, such as sqlite:FOLDER")
	}
	o = o.withDefaults()
	for _, d := range drivers {
		if d.Scheme() != u.Scheme {
			continue
		}
		c, err := d.Open(ctx, u, service, o)
		if err != nil {
			return nil, fmt.Errorf("open store of %s: %w", service, err)
		}
		connector := newPatient(c, d.Fault, o.ConnWait)
		db := &DB{DB: pool(connector, d, service, o), driver: d, service: service, options: o, connector: connector}
		if d.SingleWriter() {
			db.turn = make(chan struct{}, 1)
		}
		return db, nil
	}
	return nil, fmt.Errorf("store %q: no driver for scheme %q: there is %s", u.Redacted(), u.Scheme, schemes(drivers))
}

// pool keeps connections, with a span for each statement.
func pool(c driver.Connector, d Driver, service string, o Options) *sql.DB {
	pool := otelsql.OpenDB(c,
		otelsql.WithTracerProvider(o.Tracer),
		otelsql.WithAttributes(semconv.DBSystemNameKey.String(d.System()), semconv.DBNamespace(service)),
		otelsql.WithSpanOptions(otelsql.SpanOptions{
			DisableErrSkip: true, OmitConnResetSession: true, OmitConnectorConnect: true, OmitRows: true,
		}))
	pool.SetMaxOpenConns(o.MaxConns)
	pool.SetMaxIdleConns(o.MaxConns)
	return pool
}

// Stats is what the pool counts, for metrics.
type Stats struct {
	sql.DBStats

	Repeats int64 // times that a statement or transaction was tried again
	Refused int64 // times that no connection became free in time
}

// Stats tells how the pool is used.
func (db *DB) Stats() Stats {
	return Stats{DBStats: db.DB.Stats(), Repeats: db.repeats.Load(), Refused: db.refused.Load()}
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
