package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/kerf-go/kerf/store"
)

// Driver opens "postgres://user@host:port/database?options".
type Driver struct{}

var _ store.Driver = Driver{}

// Scheme is "postgres".
func (Driver) Scheme() string { return "postgres" }

// Dialect is goose's for PostgreSQL.
func (Driver) Dialect() goose.Dialect { return goose.DialectPostgres }

// System is "postgresql".
func (Driver) System() string { return "postgresql" }

// SingleWriter is false.
func (Driver) SingleWriter() bool { return false }

// Open makes no connection yet.
func (Driver) Open(_ context.Context, u *url.URL, service string, o store.Options) (driver.Connector, error) {
	for _, secret := range []string{"password", "sslpassword"} {
		if u.Query().Has(secret) {
			return nil, fmt.Errorf("the URL has the option %s, which would show: write user:password@host, "+
				"or set PGPASSWORD or PGPASSFILE", secret)
		}
	}
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("%q cannot be understood: %w", u.Redacted(), errors.Unwrap(err))
	}
	if err := place(config, service, o); err != nil {
		return nil, err
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = service
	}
	// Thirty seconds without an answer break a connection that nobody uses.
	config.DialFunc = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3, //nolint:mnd // see above
	}}).DialContext
	never := func(context.Context, stdlib.ShouldPingParams) bool { return false } // package store does, in bounds
	return stdlib.GetConnector(*config, stdlib.OptionShouldPing(never)), nil
}

// place makes the service's schema the one that its statements meet.
func place(config *pgx.ConnConfig, service string, o store.Options) error {
	if o.Foreign {
		return nil
	}
	if config.RuntimeParams["search_path"] != "" {
		return fmt.Errorf("the URL has a search_path, and a service's tables are in the schema of its name: "+
			"remove it, or say that the schema of %s is foreign", service)
	}
	config.RuntimeParams["search_path"] = pgx.Identifier{service}.Sanitize()
	return nil
}

// Exists looks only into the service's schema, which may not be there either.
func (Driver) Exists(ctx context.Context, db *sql.DB, table string) (exists bool, err error) {
	row := db.QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", pgx.Identifier{table}.Sanitize())
	return exists, row.Scan(&exists)
}

// Create makes the service's schema. Whose user may not finds it made by one who may.
func (Driver) Create(ctx context.Context, db *sql.DB, service string) error {
	var exists bool
	row := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", service)
	if err := row.Scan(&exists); err != nil || exists {
		return err
	}
	_, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{service}.Sanitize())
	if code := codeOf(err); code == "23505" || code == "42P06" {
		return nil // another process has made it in the meantime
	}
	return err
}

// codeOf is the SQLSTATE of an error of the server; "": it is none.
func codeOf(err error) string {
	if told, ok := errors.AsType[*pgconn.PgError](err); ok {
		return told.Code
	}
	return ""
}
