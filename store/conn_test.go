package store_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/store"
)

// TestEveryWaitForAConnectionIsBounded holds the only one, and asks for another with a
// context that never ends.
func TestEveryWaitForAConnectionIsBounded(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{MaxConns: 1, ConnWait: 30 * time.Millisecond})
	held, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	nothing := func(*sql.Tx) error { return nil }
	for name, ask := range map[string]func() error{
		"ExecContext":     func() error { return second(db.ExecContext(ctx, "SELECT 1")) },
		"Exec":            func() error { return second(db.Exec("SELECT 1")) },
		"QueryContext":    func() error { return second(db.QueryContext(ctx, "SELECT 1")) },
		"Query":           func() error { return second(db.Query("SELECT 1")) },
		"QueryRowContext": func() error { return db.QueryRowContext(ctx, "SELECT 1").Err() },
		"QueryRow":        func() error { return db.QueryRow("SELECT 1").Scan(new(int)) },
		"BeginTx":         func() error { return second(db.BeginTx(ctx, nil)) },
		"Begin":           func() error { return second(db.Begin()) },
		"PingContext":     func() error { return db.PingContext(ctx) },
		"Ping":            db.Ping,
		"Conn":            func() error { return second(db.Conn(ctx)) },
		"InTx":            func() error { return db.InTx(ctx, nothing) },
		"Read":            func() error { return db.Read(ctx, nothing) },
		"Health":          func() error { return db.Health(ctx) },
	} {
		err := ask()
		if !errors.Is(err, store.ErrNoConn) || status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%s: %v, want ErrNoConn", name, err)
		}
	}
	if n := db.Stats().Refused; n != 14 {
		t.Errorf("%d refusals were counted", n)
	}
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if err := db.PingContext(short); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrNoConn) {
		t.Errorf("a caller with less time than that: %v", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Health(ctx); err != nil {
		t.Errorf("once it is free: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestOnlyTheWaitIsBounded lets rows and a transaction last longer than one may wait for
// their connection.
func TestOnlyTheWaitIsBounded(t *testing.T) {
	t.Parallel()
	const wait = 20 * time.Millisecond
	db := open(t, t.TempDir(), store.Options{ConnWait: wait})
	rows, err := db.QueryContext(t.Context(), "SELECT 1 UNION ALL SELECT 2")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(2 * wait) //nolint:forbidigo // that is the case
	n := 0
	for rows.Next() {
		n++
	}
	if n != 2 || rows.Err() != nil {
		t.Errorf("%d rows, %v", n, rows.Err())
	}
	if err := errors.Join(add(t.Context(), tx, "late"), tx.Commit()); err != nil {
		t.Error(err)
	}
}

func TestRowsAndTransactionsEndWithTheCallersContext(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{MaxConns: 1})
	ctx, cancel := context.WithCancel(t.Context())
	rows, err := db.QueryContext(ctx, "SELECT 1 UNION ALL SELECT 2") //nolint:rowserrcheck // they are cut off
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	cancel()
	if err := db.PingContext(t.Context()); err != nil {
		t.Errorf("the rows keep the connection: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	if _, err := db.BeginTx(ctx, nil); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := db.PingContext(t.Context()); err != nil {
		t.Errorf("the transaction keeps the connection: %v", err)
	}
}

func TestReadTakesNoTurn(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{MaxWait: 50 * time.Millisecond})
	err := db.InTx(t.Context(), func(*sql.Tx) error {
		return db.Read(t.Context(), func(tx *sql.Tx) error {
			return tx.QueryRowContext(t.Context(), "SELECT count(*) FROM things").Scan(new(int))
		})
	})
	if err != nil {
		t.Errorf("beside a writer: %v", err)
	}
}
