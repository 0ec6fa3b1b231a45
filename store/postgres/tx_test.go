package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/kerf-go/kerf/internal/postgrestest"
	"github.com/kerf-go/kerf/store"
)

func TestTransactionsThatConflictAreRepeated(t *testing.T) {
	t.Parallel()
	db := open(t, postgrestest.New(t).URL, store.Options{})
	const writers, each = 4, 10
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range each {
				err := db.InTx(bounded(t, patience), func(tx *sql.Tx) error { return addOne(t.Context(), tx, "a") })
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := value(t, db, "a"); n != writers*each {
		t.Errorf("the counter stands at %d, want %d: writes were lost", n, writers*each)
	}
	if db.Stats().Repeats == 0 {
		t.Error("no transaction was repeated: did they meet at all?")
	}
}

func TestTransactionsThatDeadlockAreRepeated(t *testing.T) {
	t.Parallel()
	db := open(t, postgrestest.New(t).URL, store.Options{})
	var all, met sync.WaitGroup
	met.Add(2)
	for _, order := range [][2]string{{"a", "b"}, {"b", "a"}} {
		first := true
		all.Go(func() {
			err := db.InTx(bounded(t, patience), func(tx *sql.Tx) error {
				if err := bump(t.Context(), tx, order[0]); err != nil {
					return err
				}
				if first { // each holds what the other wants
					first = false
					met.Done()
					met.Wait()
				}
				return bump(t.Context(), tx, order[1])
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if a, b := value(t, db, "a"), value(t, db, "b"); a != 2 || b != 2 || db.Stats().Repeats == 0 {
		t.Errorf("a is %d, b is %d, and %d were repeated", a, b, db.Stats().Repeats)
	}
}

func bump(ctx context.Context, tx *sql.Tx, name string) error {
	_, err := tx.ExecContext(ctx, "UPDATE counters SET n = n + 1 WHERE name = $1", name)
	return err
}

func TestRepeatingEnds(t *testing.T) {
	t.Parallel()
	db := open(t, postgrestest.New(t).URL, store.Options{})
	times := 0
	err := db.InTx(t.Context(), func(tx *sql.Tx) error {
		times++
		_, err := tx.ExecContext(t.Context(), "DO $$ BEGIN RAISE EXCEPTION 'always' USING ERRCODE = '40001'; END $$")
		return err
	})
	if !errors.Is(err, store.ErrBusy) || times != 10 {
		t.Errorf("after %d times: %v", times, err)
	}
	times = 0
	ctx, cancel := context.WithCancel(t.Context())
	err = db.InTx(ctx, func(tx *sql.Tx) error {
		times++
		_, err := tx.ExecContext(t.Context(), "DO $$ BEGIN RAISE EXCEPTION 'always' USING ERRCODE = '40001'; END $$")
		cancel()
		return err
	})
	if err == nil || times != 1 {
		t.Errorf("after its caller had gone it ran %d times: %v", times, err)
	}
}

func TestAnErrorOfTheStatementIsNotRepeated(t *testing.T) {
	t.Parallel()
	db := open(t, postgrestest.New(t).URL, store.Options{})
	times := 0
	err := db.InTx(t.Context(), func(tx *sql.Tx) error {
		times++
		_, err := tx.ExecContext(t.Context(), "INSERT INTO counters VALUES ('a', 0)")
		return err
	})
	if err == nil || times != 1 || errors.Is(err, store.ErrBusy) {
		t.Errorf("after %d times: %v", times, err)
	}
}

func TestReadWritesNothing(t *testing.T) {
	t.Parallel()
	db := open(t, postgrestest.New(t).URL, store.Options{})
	err := db.Read(t.Context(), func(tx *sql.Tx) error { return bump(t.Context(), tx, "a") })
	if err == nil || value(t, db, "a") != 0 {
		t.Errorf("it wrote: %v", err)
	}
}

// TestKilledConnectionsUnderLoad has an administrator kill every session again and
// again. Nothing that can be repeated fails, and no write is lost or done twice.
func TestKilledConnectionsUnderLoad(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	db := open(t, d.URL, store.Options{})
	const kills, workers = 15, 4
	stop := make(chan struct{})
	var all sync.WaitGroup
	var reads, writes, unknown atomic.Int64
	work := func(count *atomic.Int64, one func(context.Context) error) {
		for range workers {
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					switch err := one(bounded(t, patience)); {
					case err == nil:
						count.Add(1)
					case strings.Contains(err.Error(), "commit") && errors.Is(err, store.ErrLost):
						unknown.Add(1)
					default:
						t.Errorf("%v", err)
					}
				}
			})
		}
	}
	work(&reads, func(ctx context.Context) error {
		return db.Read(ctx, func(tx *sql.Tx) error {
			_, err := store.All(ctx, tx, func(r *sql.Rows) (n int, err error) { return n, r.Scan(&n) },
				"SELECT n FROM counters, pg_sleep(0.001)")
			return err
		})
	})
	work(&writes, func(ctx context.Context) error {
		return db.InTx(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO counters VALUES (gen_random_uuid()::text, 1)")
			return err
		})
	})
	killed := 0
	for range kills {
		before := reads.Load() + writes.Load()
		killed += d.Terminate(t)
		poll(t, "it works again", func() bool { return reads.Load()+writes.Load() >= before+50 })
	}
	close(stop)
	all.Wait()
	var rows int64
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) - 2 FROM counters").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if least, most := writes.Load(), writes.Load()+unknown.Load(); rows < least || rows > most {
		t.Errorf("%d rows, want from %d to %d", rows, least, most)
	}
	if killed < kills || db.Stats().Repeats == 0 {
		t.Errorf("%d sessions were killed and %d attempts repeated: that was no test", killed, db.Stats().Repeats)
	}
	t.Logf("%d reads, %d writes, %d commits unknown, %d sessions killed, %d repeated",
		reads.Load(), writes.Load(), unknown.Load(), killed, db.Stats().Repeats)
}

// TestALostCommitIsNotRepeated cuts the connection once the server has the commit.
func TestALostCommitIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		forward bool
		n       int
	}{
		"and it has happened":     {true, 1},
		"and it has not happened": {false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, proxy, d := behindProxy(t, store.Options{})
			proxy.OnSent(func(text []byte) (forward, cut bool) {
				cut = strings.Contains(string(text), "commit")
				return c.forward || !cut, cut
			})
			times := 0
			err := db.InTx(bounded(t, patience), func(tx *sql.Tx) error {
				times++
				return bump(t.Context(), tx, "a")
			})
			if !errors.Is(err, store.ErrLost) || times != 1 {
				t.Errorf("it ran %d times: %v", times, err)
			}
			straight := bare(t, d.URL, "counters", store.Options{})
			poll(t, "the counter is right", func() bool { return value(t, straight, "a") == c.n })
		})
	}
}

func TestALostCommitOfAReadIsRepeated(t *testing.T) {
	t.Parallel()
	db, proxy, _ := behindProxy(t, store.Options{})
	var cuts atomic.Int32
	proxy.OnSent(func(text []byte) (forward, cut bool) {
		cut = strings.Contains(string(text), "commit") && cuts.Add(1) == 1
		return !cut, cut
	})
	if n := value(t, db, "a"); n != 0 || cuts.Load() < 2 {
		t.Errorf("%d, with %d commits", n, cuts.Load())
	}
}
