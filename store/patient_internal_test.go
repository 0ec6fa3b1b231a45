package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errNobody = errors.New("nobody listens")

// dialled is a database that may be away.
type dialled struct {
	away     atomic.Bool
	attempts atomic.Int32
	takes    time.Duration
}

func (d *dialled) Connect(context.Context) (driver.Conn, error) {
	d.attempts.Add(1)
	if d.away.Load() {
		return nil, errNobody
	}
	time.Sleep(d.takes) // of a bubble's clock
	return nil, nil     //nolint:nilnil // nobody uses it
}

func (*dialled) Driver() driver.Driver { return nil }

func away(err error) Fault {
	if errors.Is(err, errNobody) {
		return Away
	}
	return Other
}

func TestCallersOfAnAbsentDatabaseTakeTurnsToTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &dialled{}
		d.away.Store(true)
		p := newPatient(d, away, 10*time.Second)
		began := time.Now()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				_, err := p.Connect(t.Context())
				if !errors.Is(err, ErrAway) || !errors.Is(err, errNobody) {
					t.Errorf("got %v, want ErrAway and the reason", err)
				}
			})
		}
		all.Wait()
		// The first of all may find out at the same time; then a pause has half a second on average.
		if n := d.attempts.Load(); n < 10 || n > 150 {
			t.Errorf("%d attempts for 100 callers in 10 s", n)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("they waited %v", took)
		}
	})
}

func TestADatabaseThatComesBackIsUsedByAllAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &dialled{takes: time.Millisecond}
		d.away.Store(true)
		p := newPatient(d, away, 10*time.Second)
		var all sync.WaitGroup
		got := make([]time.Time, 10)
		for i := range got {
			all.Go(func() {
				if _, err := p.Connect(t.Context()); err != nil {
					t.Error(err)
				}
				got[i] = time.Now()
			})
		}
		time.Sleep(5 * time.Second) // of the bubble's clock
		d.away.Store(false)
		back := time.Now()
		all.Wait()
		if took := time.Since(back); took > time.Second {
			t.Errorf("the last got it %v after it had come back", took)
		}
		slices.SortFunc(got, time.Time.Compare)
		if later := got[len(got)-1].Sub(got[0]); later > d.takes {
			t.Errorf("the last got it %v after the first", later)
		}
		if p.failure() != nil {
			t.Errorf("it is still told to be away: %v", p.failure())
		}
	})
}

func TestACallerWhoGoesAwaySaysNothingAboutTheDatabase(t *testing.T) {
	t.Parallel()
	d := &dialled{}
	d.away.Store(true)
	p := newPatient(d, away, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Connect(ctx); !errors.Is(err, context.Canceled) || p.failure() != nil {
		t.Errorf("got %v; the database: %v", err, p.failure())
	}
}

func TestWhatWillNotPassIsToldAtOnce(t *testing.T) {
	t.Parallel()
	d := &dialled{}
	d.away.Store(true)
	p := newPatient(d, func(error) Fault { return Other }, time.Hour)
	if _, err := p.Connect(t.Context()); !errors.Is(err, errNobody) || errors.Is(err, ErrAway) {
		t.Errorf("got %v, want the error as it is", err)
	}
	if d.attempts.Load() != 1 {
		t.Errorf("%d attempts", d.attempts.Load())
	}
}

// pinged is a connection that counts its checks.
type pinged struct {
	driver.Conn
	pings int
	err   error
}

func (c *pinged) Ping(ctx context.Context) error {
	c.pings++
	if c.err != nil {
		<-ctx.Done()
	}
	return c.err
}

func TestConnectionsAreCheckedAfterIdleness(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := &pinged{}
		c := &checked{Conn: inner, bound: time.Second, used: time.Now()}
		for name, s := range map[string]struct { // in any order
			idle  time.Duration
			ctx   context.Context
			pings int
		}{
			"used a moment ago":      {time.Millisecond, t.Context(), 0},
			"idle for two seconds":   {2 * time.Second, t.Context(), 1},
			"while others are lost":  {time.Millisecond, mustCheck(t.Context()), 1},
			"idle for half a second": {time.Second / 2, t.Context(), 0},
		} {
			before := inner.pings
			time.Sleep(s.idle) // of the bubble's clock
			if err := c.ResetSession(s.ctx); err != nil || inner.pings-before != s.pings {
				t.Errorf("%s: %v, %d checks", name, err, inner.pings-before)
			}
		}
		inner.err = errNobody
		began := time.Now()
		if err := c.ResetSession(mustCheck(t.Context())); !errors.Is(err, driver.ErrBadConn) {
			t.Errorf("got %v, want that it is thrown away", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("the check took %v", took)
		}
	})
}

func TestTheWaitGoesOnWhenAConnectionTurnsOutToBeBad(t *testing.T) {
	t.Parallel()
	wait, cancel := context.WithCancel(t.Context())
	cancel() // it is over
	a := &acquiring{Context: t.Context(), wait: wait}
	_, _ = using(a, func() (any, error) { return nil, nil }) //nolint:nilnil // of no interest
	if a.Err() != nil {
		t.Errorf("with a connection, the wait's end counts: %v", a.Err())
	}
	_, _ = using(a, func() (any, error) { return nil, driver.ErrBadConn })
	if a.Err() == nil {
		t.Error("without one, the wait has no end")
	}
}

// late is a driver whose connections are found just as the wait for them ends.
type late struct {
	driver.Conn
	found func()
}

func (l late) Connect(context.Context) (driver.Conn, error) { return l, l.Ping(context.Background()) }
func (late) Driver() driver.Driver                          { return nil }

func (l late) Ping(context.Context) error {
	time.Sleep(time.Second / 2) // of a bubble's clock
	l.found()
	time.Sleep(time.Second)
	return nil
}

func TestAConnectionMayBeFoundAsTheWaitEnds(t *testing.T) {
	t.Parallel()
	for name, find := range map[string]func(context.Context, late) error{
		"a new one": func(ctx context.Context, l late) error {
			_, err := newPatient(l, away, time.Minute).Connect(ctx)
			return err
		},
		"one that is checked": func(ctx context.Context, l late) error {
			return (&checked{Conn: l, bound: time.Minute}).ResetSession(mustCheck(ctx))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				err := new(DB).within(t.Context(), time.Second, func(ctx context.Context) error {
					return find(ctx, late{found: func() { acquired(ctx, true) }})
				})
				if err != nil {
					t.Error(err)
				}
			})
		})
	}
}
