package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// maxAttempts bounds how often anything is tried. With full jitter the pauses
// between ten attempts take about three seconds in all.
const maxAttempts = 10

// InTx runs f in a transaction: committed if f returns nil, else rolled back and
// f's error returned. f must use only the transaction, never db.
//
// f may run several times, so it must leave nothing behind but what the transaction
// does, and set anew what it hands out. It runs again when the transaction was
// certainly rolled back: after a conflict with others, and after a lost connection if
// the commit was not sent; f's error must wrap the driver's for that. In the end such
// errors wrap ErrBusy or ErrLost. ErrLost of the commit itself leaves unknown
// whether it happened.
//
// Where the store has many writers the transaction is serializable, as it is where
// there is one: moving a store changes no outcome.
func (db *DB) InTx(ctx context.Context, f func(*sql.Tx) error) error {
	done, err := db.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer done()
	return db.repeat(ctx, func(ctx context.Context) (undone bool, err error) {
		return db.tryTx(ctx, sql.TxOptions{}, f)
	})
}

// Read runs f in a transaction that must not write, and sees the store as it was at one
// moment. It takes no turn. f may run several times, as that of InTx, and also after
// a lost commit. PostgreSQL refuses what would write; SQLite does not.
func (db *DB) Read(ctx context.Context, f func(*sql.Tx) error) error {
	return db.repeat(ctx, func(ctx context.Context) (undone bool, err error) {
		return db.tryTx(ctx, sql.TxOptions{ReadOnly: true}, f)
	})
}

// tryTx runs f in a transaction once. undone: it failed, and has had no effect.
func (db *DB) tryTx(ctx context.Context, o sql.TxOptions, f func(*sql.Tx) error) (undone bool, err error) {
	if !db.driver.SingleWriter() {
		o.Isolation = sql.LevelSerializable
	}
	tx, err := db.begin(ctx, &o)
	if err != nil {
		return db.gone(ctx, err), db.explain(ctx, fmt.Errorf("begin: %w", err))
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing; before, the first error counts
	if err := f(tx); err != nil {
		return db.gone(ctx, err), db.explain(ctx, err)
	}
	if err := tx.Commit(); err != nil {
		undone := db.gone(ctx, err) && (o.ReadOnly || db.fault(ctx, err) != Lost)
		return undone, db.explain(ctx, fmt.Errorf("commit: %w", err))
	}
	return false, nil
}

// gone tells that a transaction with this error before its commit is rolled back, and
// that another one may succeed.
func (db *DB) gone(ctx context.Context, err error) bool {
	switch db.fault(ctx, err) {
	case Busy, Conflict, Unsent, Lost:
		return true
	case Away, Other:
	}
	return false
}

// repeat tries until it is done, or has failed for good. Waiting for another process
// that writes ends with Options.MaxWait, however many attempts that were.
func (db *DB) repeat(ctx context.Context, try func(context.Context) (undone bool, err error)) error {
	begun := time.Now()
	checked := mustCheck(ctx)
	for n := 1; ; n++ {
		attempt := ctx
		if n > 1 {
			attempt = checked
		}
		undone, err := try(attempt)
		waited := db.fault(ctx, err) == Busy && time.Since(begun) >= db.options.MaxWait
		if err == nil || !undone || waited || n == maxAttempts {
			return err
		}
		if !sleep(ctx, jitter(n-1)) {
			return err
		}
		db.repeats.Add(1)
	}
}

// sleep tells whether ctx leaves the time for a pause.
func sleep(ctx context.Context, pause time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (db *DB) takeTurn(ctx context.Context) (done func(), err error) {
	if db.turn == nil {
		return func() {}, nil
	}
	timer := time.NewTimer(db.options.MaxWait)
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
