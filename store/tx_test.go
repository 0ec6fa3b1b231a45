package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kerf-go/kerf/store"
)

var errOwn = errors.New("the function's own")

func TestTransactionsCommitOrLeaveNothing(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{})
	if err := db.InTx(t.Context(), func(tx *sql.Tx) error { return add(t.Context(), tx, "kept") }); err != nil {
		t.Fatal(err)
	}
	err := db.InTx(t.Context(), func(tx *sql.Tx) error {
		return errors.Join(add(t.Context(), tx, "dropped"), errOwn)
	})
	if !errors.Is(err, errOwn) {
		t.Errorf("the error is %v, want the function's own", err)
	}
	if got := names(t, db); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("the store holds %v, want only what was committed", got)
	}
}

func TestAPanicRollsBackAndGivesTheTurnBack(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{MaxWait: 10 * time.Second})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = db.InTx(t.Context(), func(tx *sql.Tx) error {
			_ = add(t.Context(), tx, "dropped")
			panic("in the function") //nolint:forbidigo // that is the case
		})
	}()
	if err := db.InTx(t.Context(), func(tx *sql.Tx) error { return add(t.Context(), tx, "next") }); err != nil {
		t.Fatalf("the next writer: %v", err)
	}
	if got := names(t, db); !slices.Equal(got, []string{"next"}) {
		t.Errorf("the store holds %v", got)
	}
}

func TestWritersTakeTurns(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{})
	var inside, most atomic.Int32
	var all sync.WaitGroup
	const writers = 32
	for i := range writers {
		all.Go(func() {
			err := db.InTx(t.Context(), func(tx *sql.Tx) error {
				now := inside.Add(1)
				defer inside.Add(-1)
				for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
				}
				return add(t.Context(), tx, strconv.Itoa(i))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if most.Load() != 1 || len(names(t, db)) != writers {
		t.Errorf("%d wrote at once and %d rows are there, want 1 and %d", most.Load(), len(names(t, db)), writers)
	}
}

func TestWaitingWritersLeaveTheConnectionsToReaders(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{MaxConns: 2, MaxWait: time.Minute})
	var all sync.WaitGroup
	err := db.InTx(t.Context(), func(*sql.Tx) error {
		for range 4 {
			all.Go(func() {
				if err := db.InTx(t.Context(), func(*sql.Tx) error { return nil }); err != nil {
					t.Error(err)
				}
			})
		}
		for range 100 { // while the writers come to wait
			if n := len(names(t, db)); n != 0 || db.Stats().WaitCount > 0 {
				return fmt.Errorf("%d rows; %d waited for a connection", n, db.Stats().WaitCount)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	all.Wait()
}

func TestWhoeverWaitsTooLongIsToldThatTheStoreIsBusy(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{MaxWait: 20 * time.Millisecond})
	err := db.InTx(t.Context(), func(*sql.Tx) error {
		return db.InTx(t.Context(), func(*sql.Tx) error { return nil })
	})
	if !errors.Is(err, store.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
}

func TestWaitingForTheTurnEndsWithTheContext(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{MaxWait: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	err := db.InTx(t.Context(), func(*sql.Tx) error {
		cancel()
		return db.InTx(ctx, func(*sql.Tx) error { return nil })
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrBusy) {
		t.Errorf("got %v, want Canceled", err)
	}
}

func TestATransactionEndsWithItsContext(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := db.InTx(ctx, func(tx *sql.Tx) error {
		defer cancel()
		return add(ctx, tx, "late")
	})
	if err == nil {
		t.Error("a transaction whose caller is gone was committed")
	}
	if got := names(t, db); len(got) != 0 {
		t.Errorf("the store holds %v", got)
	}
}

func TestAnotherProcessThatWritesMakesTheStoreBusy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, dir, store.Options{MaxWait: 50 * time.Millisecond})
	holder := startChild(t, "hold", dir)
	if got := holder.line(t); got != "holding" {
		t.Fatalf("the child says %q", got)
	}
	err := db.InTx(t.Context(), func(*sql.Tx) error { return errOwn })
	if !errors.Is(err, store.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	_, err = db.ExecContext(t.Context(), "INSERT INTO things VALUES ('around InTx')")
	if err == nil {
		t.Error("two processes write at once")
	}
	if err := holder.in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := holder.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := db.InTx(t.Context(), func(tx *sql.Tx) error { return add(t.Context(), tx, "after") }); err != nil {
		t.Errorf("the turn was not given back: %v", err)
	}
}

func TestCommittedRowsSurviveAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writer := startChild(t, "write", dir)
	const enough = 20
	var last string
	for range enough {
		last = writer.line(t)
	}
	if err := writer.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Wait()
	if got := names(t, open(t, dir, store.Options{})); len(got) < enough || !slices.Contains(got, last) {
		t.Errorf("%d rows were acknowledged, the last one %s, and there are %v", enough, last, got)
	}
}

// moody is a driver to which an error of the test's means something.
type moody struct {
	store.Driver

	fault store.Fault
}

func (m moody) Fault(err error) store.Fault {
	if errors.Is(err, errOwn) {
		return m.fault
	}
	return m.Driver.Fault(err)
}

func TestWhatWasRolledBackRunsAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault store.Fault
		times int
	}{
		"another process was writing": {store.Busy, 2},
		"a conflict":                  {store.Conflict, 2},
		"a lost connection":           {store.Lost, 2},
		"nothing was sent":            {store.Unsent, 2},
		"the store is away":           {store.Away, 1},
		"the function's own error":    {store.Other, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			many := []store.Driver{moody{drivers()[0], c.fault}}
			db, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), "things", many, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.Migrate(t.Context(), things()); err != nil {
				t.Fatal(err)
			}
			times := 0
			err = db.InTx(t.Context(), func(tx *sql.Tx) error {
				times++
				if err := add(t.Context(), tx, "once"); err != nil {
					return err
				}
				if times == 1 {
					return fmt.Errorf("wrapped: %w", errOwn)
				}
				return nil
			})
			if again := c.times > 1; times != c.times || (err == nil) != again || again != (len(names(t, db)) == 1) {
				t.Errorf("it ran %d times: %v; the store holds %v", times, err, names(t, db))
			}
		})
	}
}
