package fleet_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kerf-go/kerf/fleet"
)

// patience bounds every wait of a test. It is no measure of speed.
const patience = 40 * time.Second

// bundle is a fleet that runs.
type bundle struct {
	*fleet.Fleet

	out  *buffer
	stop context.CancelFunc
	done chan struct{}
	err  error // of Run; valid after done
}

// run starts a fleet and stops it with the test.
func run(t *testing.T, o fleet.Options, processes ...fleet.Process) *bundle {
	t.Helper()
	b := &bundle{out: &buffer{}, done: make(chan struct{})}
	o.Stdout = b.out
	if o.BackoffMin == 0 {
		o.BackoffMin = 10 * time.Millisecond
	}
	var err error
	if b.Fleet, err = fleet.New(processes, o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b.stop = cancel
	go func() {
		defer close(b.done)
		b.err = b.Run(ctx)
	}()
	t.Cleanup(func() {
		_ = b.end(t)
		if t.Failed() {
			t.Logf("the logs:\n%.20000s", b.out)
		}
	})
	return b
}

// end stops the fleet and gives the error of Run.
func (b *bundle) end(t *testing.T) error {
	t.Helper()
	b.stop()
	await(t, "the end of the fleet", b.done)
	return b.err
}

// ready waits for all processes.
func (b *bundle) ready(t *testing.T) *bundle {
	t.Helper()
	await(t, "all processes ready", b.Ready())
	return b
}

func (b *bundle) of(process string) fleet.Status {
	for _, s := range b.Status() {
		if s.Process == process {
			return s
		}
	}
	return fleet.Status{}
}

func await(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatalf("waited %s for %s", patience, what)
	}
}

// poll asks until it is so.
func poll(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !so(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited %s until %s", patience, what)
		}
	}
}

// buffer is an io.Writer that tests read while it is written. It keeps each write apart.
type buffer struct {
	mu     sync.Mutex // guards writes
	writes []string
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes = append(b.writes, string(bytes.Clone(p)))
	return len(p), nil
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.writes, "")
}

// before reports whether both texts were logged, the first one first.
func (b *buffer) before(first, second string) bool {
	all := b.String()
	i, j := strings.Index(all, first), strings.Index(all, second)
	return i >= 0 && j > i
}
