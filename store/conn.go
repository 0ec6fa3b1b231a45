package store

import (
	"context"
	"database/sql"
	"time"
)

// do runs one statement. If nothing of it was sent, database/sql runs it again.
func (db *DB) do(ctx context.Context, statement func(context.Context) error) error {
	return db.explain(ctx, db.within(ctx, db.options.ConnWait, statement))
}

// Conn gives a connection for the caller alone, until it is closed. As that of all
// methods, its wait for a connection is bounded by Options.ConnWait.
func (db *DB) Conn(ctx context.Context) (c *sql.Conn, err error) {
	err = db.do(ctx, func(ctx context.Context) error {
		c, err = db.DB.Conn(ctx)
		return err
	})
	return c, err
}

// ExecContext is that of sql.DB, with a bounded wait for a connection.
func (db *DB) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = db.do(ctx, func(ctx context.Context) error {
		result, err = db.DB.ExecContext(ctx, query, args...)
		return err
	})
	return result, err
}

// QueryContext is that of sql.DB, with a bounded wait for a connection.
func (db *DB) QueryContext(ctx context.Context, query string, args ...any) (rows *sql.Rows, err error) {
	err = db.do(ctx, func(ctx context.Context) error {
		rows, err = db.DB.QueryContext(ctx, query, args...) //nolint:sqlclosecheck,rowserrcheck // the caller does
		return err
	})
	return rows, err
}

// QueryRowContext is that of sql.DB, with a bounded wait for a connection.
func (db *DB) QueryRowContext(ctx context.Context, query string, args ...any) (row *sql.Row) {
	err := db.do(ctx, func(ctx context.Context) error {
		row = db.DB.QueryRowContext(ctx, query, args...)
		return row.Err()
	})
	if err != nil {
		return db.DB.QueryRowContext(failed{ctx, err}, query)
	}
	return row
}

// failed is a context that has ended with an error of ours: the only way to make a
// sql.Row that holds one.
type failed struct {
	context.Context //nolint:containedctx // that is what it is

	err error
}

// Err is the error that the row will tell.
func (f failed) Err() error { return f.err }

// Done is closed.
func (failed) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

// BeginTx is that of sql.DB, with a bounded wait for a connection. InTx is mostly
// better: it repeats what was rolled back, and takes turns.
func (db *DB) BeginTx(ctx context.Context, o *sql.TxOptions) (tx *sql.Tx, err error) {
	err = db.repeat(ctx, func(ctx context.Context) (undone bool, err error) {
		tx, err = db.begin(ctx, o)
		return db.gone(ctx, err), db.explain(ctx, err)
	})
	return tx, err
}

func (db *DB) begin(ctx context.Context, o *sql.TxOptions) (tx *sql.Tx, err error) {
	err = db.within(ctx, db.options.ConnWait, func(ctx context.Context) error {
		tx, err = db.DB.BeginTx(ctx, o)
		return err
	})
	return tx, err
}

// PingContext reaches the store, with a bounded wait for a connection.
func (db *DB) PingContext(ctx context.Context) error { return db.do(ctx, db.DB.PingContext) }

// Health tells why the store cannot serve at present: it is away, all connections are
// in use for longer than half the time that ctx leaves, or migrations are pending.
func (db *DB) Health(ctx context.Context) error {
	bound := db.options.ConnWait
	if end, ok := ctx.Deadline(); ok {
		bound = min(bound, time.Until(end)/2) //nolint:mnd // so that there is time to tell why
	}
	ctx = mustCheck(ctx)
	return db.explain(ctx, db.within(ctx, bound, db.DB.PingContext))
}

// Exec is ExecContext without a context.
func (db *DB) Exec(query string, args ...any) (sql.Result, error) {
	return db.ExecContext(context.Background(), query, args...)
}

// Query is QueryContext without a context.
func (db *DB) Query(query string, args ...any) (*sql.Rows, error) {
	return db.QueryContext(context.Background(), query, args...)
}

// QueryRow is QueryRowContext without a context.
func (db *DB) QueryRow(query string, args ...any) *sql.Row {
	return db.QueryRowContext(context.Background(), query, args...)
}

// Begin is BeginTx without a context and options.
func (db *DB) Begin() (*sql.Tx, error) { return db.BeginTx(context.Background(), nil) }

// Ping is PingContext without a context.
func (db *DB) Ping() error { return db.PingContext(context.Background()) }
