//go:build unix

package faults_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	faultsv1 "github.com/kerf-go/kerf/faults/v1"
	"github.com/kerf-go/kerf/link"
)

// kind is a column of the table: what is called, and by whom.
type kind int

const (
	look    kind = iota // may be repeated; default policies
	hurried             // the same, with a bound for each attempt
	add                 // must not be repeated
	watch               // a stream
	kindsInAll
)

var unary = []kind{look, hurried, add}

func (k kind) String() string { return [...]string{"look", "hurried", "add", "watch"}[k] }

// caller calls through the whole seam, as a service of the app would.
type caller struct {
	field    *field
	target   faultsv1.TargetClient
	watching faultsv1.WatchingClient
}

// call is one that was made, and what became of it.
type call struct {
	kind   kind
	id     string
	code   codes.Code
	ran    link.Outcome
	text   string
	began  time.Time
	took   time.Duration
	pid    int64 // of whoever has answered
	cancel func()
	over   chan struct{} // closed when the fields above are set
	latest atomic.Int64  // of a stream: when it last heard something
}

var lastID atomic.Int64

// begin makes a call in the background, whose handler takes some time.
func (f *field) begin(ctx context.Context, k kind, holds time.Duration) *call {
	c := &call{kind: k, id: fmt.Sprintf("%s-%d", k, lastID.Add(1)), over: make(chan struct{})}
	ctx, c.cancel = context.WithCancel(ctx)
	request := &faultsv1.Request{Id: c.id, Holds: durationpb.New(holds)}
	go func() {
		defer close(c.over)
		c.began = time.Now()
		answer, err := f.invoke(ctx, c, request)
		c.took, c.code, c.ran, c.pid = time.Since(c.began), status.Code(err), link.Ran(err), answer.GetPid()
		c.text = status.Convert(err).Message()
	}()
	return c
}

func (f *field) invoke(ctx context.Context, c *call, request *faultsv1.Request) (*faultsv1.Answer, error) {
	switch c.kind {
	case look:
		return f.patient.target.Look(ctx, request)
	case hurried:
		return f.impatient.target.Look(ctx, request)
	case add:
		return f.patient.target.Add(ctx, request)
	case watch, kindsInAll:
	}
	stream, err := f.patient.watching.Watch(ctx, request)
	for err == nil {
		_, err = stream.Recv()
		if err == nil {
			c.latest.Store(time.Now().UnixNano())
		}
	}
	return nil, err
}

// wait waits for the call's end.
func (c *call) wait() *call {
	<-c.over
	return c
}

// callOnce makes a call whose handler takes no time.
func (f *field) callOnce(k kind) *call {
	if k == watch {
		return f.peek()
	}
	c := f.begin(f.t.Context(), k, 0).wait()
	c.cancel()
	return c
}

// peek opens a stream until it has said something, which is as good as OK.
func (f *field) peek() *call {
	ctx, cancel := context.WithTimeout(f.t.Context(), startTimeout)
	defer cancel()
	c := f.begin(ctx, watch, 0)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for c.latest.Load() == 0 {
		select {
		case <-c.over:
			return c
		case <-ticker.C:
		}
	}
	cancel()
	c.wait()
	c.code, c.ran = codes.OK, link.Answered
	return c
}

// hold begins calls until each replica runs one, and gives all of them, and that of the
// first replica.
func (f *field) hold(k kind, holds time.Duration) (all []*call, suffers *call) {
	f.t.Helper()
	pids := f.pids()
	for range 40 {
		c := f.begin(f.t.Context(), k, holds)
		all = append(all, c)
		var by []int
		eventually(f.t, startTimeout, "a call begins to run", func() bool {
			by = runs(f.behaviour.Runs).pids(f.t, began, c.id)
			return len(by) > 0
		})
		if by[0] == f.pids()[0] && suffers == nil {
			suffers = c
		}
		if pids = slices.DeleteFunc(pids, func(pid int) bool { return pid == by[0] }); len(pids) == 0 {
			return all, suffers
		}
	}
	f.t.Fatalf("processes %v got none of 40 calls", pids)
	return nil, nil
}

// load calls on and on, each kind for itself, until stopped.
func (f *field) load() (stop func() []*call) {
	const every = 50 * time.Millisecond
	over := make(chan struct{})
	var working sync.WaitGroup
	made := make([][]*call, len(unary))
	for i, k := range unary {
		working.Go(func() {
			ticker := time.NewTicker(every)
			defer ticker.Stop()
			for {
				select {
				case <-over:
					return
				case <-ticker.C:
					made[i] = append(made[i], f.callOnce(k))
				}
			}
		})
	}
	return func() []*call {
		close(over)
		working.Wait()
		return slices.Concat(made...)
	}
}

// warm calls until either caller has heard of either replica.
func (f *field) warm() {
	f.t.Helper()
	for _, k := range unary {
		f.heard(k, startTimeout)
	}
}

// heard calls until each replica has answered.
func (f *field) heard(k kind, most time.Duration) {
	f.t.Helper()
	silent := f.pids()
	eventually(f.t, most, "each replica answers", func() bool {
		c := f.callOnce(k)
		silent = slices.DeleteFunc(silent, func(pid int) bool { return int64(pid) == c.pid })
		return len(silent) == 0
	})
}

// recovers tells whether within a time everybody gets answers again, from each replica.
func (f *field) recovers(most time.Duration) bool {
	const often = 10
	end := time.Now().Add(most)
	silent := f.pids()
	for time.Now().Before(end) {
		good := true
		for _, k := range f.kinds() {
			for range often {
				c := f.callOnce(k)
				good = good && c.code == codes.OK
				silent = slices.DeleteFunc(silent, func(pid int) bool { return int64(pid) == c.pid })
			}
		}
		if good && len(silent) == 0 {
			return true
		}
		pause(f.t.Context(), 100*time.Millisecond)
	}
	return false
}

// kinds are those that the link carries.
func (f *field) kinds() []kind {
	if f.behaviour.Streams {
		return append(slices.Clone(unary), watch)
	}
	return unary
}

// eventually polls until something is so.
func eventually(t *testing.T, most time.Duration, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !is() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s", most, what)
		}
	}
}
