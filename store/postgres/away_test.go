package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/internal/porttest"
	"github.com/kerf-go/kerf/internal/postgrestest"
	"github.com/kerf-go/kerf/store"
)

func TestAStoreThatIsAwayIsToldInTimeAndUsedWhenItComes(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	address := porttest.Free(t)
	db := bare(t, d.Through(address), "counters", store.Options{ConnWait: 100 * time.Millisecond})
	if err := db.Migrate(t.Context(), counters()); !errors.Is(err, store.ErrAway) || !store.NotYet(err) {
		t.Errorf("migrate: %v", err)
	}
	for what, err := range map[string]error{
		"a statement":   db.PingContext(context.Background()),
		"a transaction": db.InTx(context.Background(), func(*sql.Tx) error { return nil }),
		"health":        db.Health(t.Context()),
		"a row":         db.QueryRowContext(t.Context(), "SELECT 1").Scan(new(int)),
	} {
		if !errors.Is(err, store.ErrAway) || status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", what, err)
		}
	}
	postgrestest.NewProxyAt(t, address, d.Server) // it comes
	poll(t, "it is migrated", func() bool { return db.Migrate(t.Context(), counters()) == nil })
	if err := db.Health(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestWhatTheDatabaseSaysIsForTheLog asks as a handler does, whose caller is told the status.
func TestWhatTheDatabaseSaysIsForTheLog(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	refused := strings.Replace(d.URL, d.Server+"/", d.Server+"/no_such_", 1)
	for name, test := range map[string]struct {
		url    string
		wait   time.Duration
		is     error
		code   codes.Code
		text   string
		secret string
	}{
		"a database that is away": {
			d.Through(porttest.Free(t)), 100 * time.Millisecond, store.ErrAway, codes.Unavailable,
			"store is away", "database=",
		},
		"a database that does not exist": {
			refused, patience, nil, codes.Internal, "the store cannot be used", "no_such_",
		},
	} {
		db := bare(t, test.url, "counters", store.Options{ConnWait: test.wait})
		for what, err := range map[string]error{
			"a statement":   db.PingContext(t.Context()),
			"a transaction": db.InTx(t.Context(), func(*sql.Tx) error { return nil }),
			"a row":         db.QueryRowContext(t.Context(), "SELECT 1").Scan(new(int)),
			"health":        db.Health(t.Context()),
		} {
			if got := status.Convert(err); got.Code() != test.code || got.Message() != test.text {
				t.Errorf("%s, %s: callers are told %v", name, what, got)
			}
			if !strings.Contains(err.Error(), test.secret) || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}

// TestAStoreThatComesBackInTimeFailsNobody has it away for half of what callers wait.
func TestAStoreThatComesBackInTimeFailsNobody(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	open(t, d.URL, store.Options{})
	address := porttest.Free(t)
	db := bare(t, d.Through(address), "counters", store.Options{ConnWait: patience})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := db.Read(t.Context(), func(*sql.Tx) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	poll(t, "more ask than there may be connections", func() bool { return db.Stats().InUse == 8 })
	postgrestest.NewProxyAt(t, address, d.Server)
	all.Wait()
}

func TestConnectionsThatBrokeWhileIdleFailNobody(t *testing.T) {
	t.Parallel()
	db, proxy, _ := behindProxy(t, store.Options{})
	var all sync.WaitGroup
	for range 8 { // so that there are several idle ones
		all.Go(func() {
			if _, err := db.ExecContext(t.Context(), "SELECT pg_sleep(0.1)"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	proxy.Cut()
	for range 8 {
		err := db.InTx(bounded(t, patience), func(tx *sql.Tx) error { return bump(t.Context(), tx, "a") })
		if err != nil {
			t.Error(err)
		}
	}
	if n := value(t, db, "a"); n != 8 {
		t.Errorf("the counter stands at %d, want 8", n)
	}
}

// TestABlackHole has the network drop every packet, of which nobody is told.
func TestABlackHole(t *testing.T) {
	t.Parallel()
	const wait = 400 * time.Millisecond
	db, proxy, _ := behindProxy(t, store.Options{ConnWait: wait})
	proxy.Hole()
	began := time.Now()
	err := db.InTx(bounded(t, wait), func(tx *sql.Tx) error { return bump(t.Context(), tx, "a") })
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, store.ErrAway) {
		t.Errorf("a transaction with a deadline: %v", err)
	}
	// The connection was idle for long: it is checked, and another one is wanted.
	err = db.PingContext(context.Background())
	if !errors.Is(err, store.ErrAway) || status.Code(err) != codes.Unavailable {
		t.Errorf("a statement without a deadline: %v", err)
	}
	if err := db.Health(bounded(t, wait)); !errors.Is(err, store.ErrAway) {
		t.Errorf("health does not tell why: %v", err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("it took %v", took)
	}
	proxy.Heal()
	if n := value(t, db, "a"); n > 1 {
		t.Errorf("the counter stands at %d: a transaction ran twice", n)
	}
}

func TestIdleConnectionsInABlackHoleAreReplaced(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	proxy := postgrestest.NewProxy(t, d.Server)
	db := open(t, d.Through(proxy.Address), store.Options{ConnWait: time.Second})
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	proxy.HoleOld()
	if err := db.Health(bounded(t, patience)); err != nil {
		t.Error(err)
	}
	if n := value(t, db, "a"); n != 0 {
		t.Error(n)
	}
}

func TestFullPoolsRefuseInTime(t *testing.T) {
	t.Parallel()
	db := open(t, postgrestest.New(t).URL, store.Options{MaxConns: 1, ConnWait: 500 * time.Millisecond})
	err := db.InTx(t.Context(), func(*sql.Tx) error {
		err := db.PingContext(context.Background())
		if err == nil || !strings.Contains(err.Error(), "all 1 are in use") {
			t.Errorf("got %v, want that all are in use", err)
		}
		return err
	})
	if !errors.Is(err, store.ErrNoConn) || status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v, want ErrNoConn", err)
	}
}
