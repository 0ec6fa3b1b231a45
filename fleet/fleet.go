package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Fleet runs processes. Its methods are safe for concurrent use.
type Fleet struct {
	o     Options
	out   *merger
	dir   *directory
	begun atomic.Bool
	first sync.Once
	ready chan struct{}
	ended chan *member // one that is supervised no more, while Run listens
	over  chan struct{}

	supervising sync.WaitGroup

	mu       sync.Mutex // guards the fields below; held before a directory's
	members  []*member
	coming   []*member // that are to take the place of others
	stopping bool
}

// New makes a fleet of processes without starting any. A process without a name
// or command, one that is there twice, and an Order that names no process or one
// twice are errors.
func New(processes []Process, o Options) (*Fleet, error) {
	if len(processes) == 0 {
		return nil, errors.New("a fleet needs a process: name one in the plan")
	}
	names, err := labels(processes)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	f := &Fleet{
		o: o, out: newMerger(o, names), dir: newDirectory(), ready: make(chan struct{}),
		ended: make(chan *member), over: make(chan struct{}),
	}
	for i, p := range processes {
		f.members = append(f.members, f.member(p, names[i], i))
	}
	f.dir.members = slices.Clone(f.members)
	if _, err = stages(f.members, o.Order); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *Fleet) member(p Process, label string, hue int) *member {
	return &member{
		Process: p, label: label, hue: hue, o: f.o, out: f.out, dir: f.dir,
		moved: f.moved, poke: make(chan struct{}, 1), over: make(chan struct{}),
		state: Starting, changed: make(chan struct{}),
	}
}

// Run starts all processes at once and keeps them running until ctx ends or one
// of them is given up; then it stops all in order and waits for their end. After
// ctx has ended it returns nil, unless a process did not drain in time or failed
// doing so. The error of a process that was given up names it, how it ended and
// its last log lines. A fleet runs once.
func (f *Fleet) Run(ctx context.Context) error {
	if f.begun.Swap(true) {
		return errors.New("this fleet has run already: make a new one")
	}
	if f.o.StatusFile != "" {
		started := time.Now()
		published, err := Publish(ctx, f.o.StatusFile, func() Report {
			return Report{App: f.o.App, Plan: f.o.Plan, Started: started, Processes: f.Status()}
		})
		if err != nil {
			return err
		}
		defer func() { _ = published.Close() }() // a file that stays is recognised as stale
	}
	for _, m := range f.all() {
		f.supervise(ctx, m)
	}
	cause := f.lost(ctx)
	err := errors.Join(cause, f.drain(cause))
	close(f.over)
	f.supervising.Wait()
	return err
}

func (f *Fleet) supervise(ctx context.Context, m *member) {
	f.supervising.Go(func() {
		m.supervise(ctx)
		select {
		case f.ended <- m:
		case <-f.over:
		}
	})
}

// lost waits until ctx ends, or a process is given up, whose error it is. One that another
// has taken the place of has ended as it should.
func (f *Fleet) lost(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-f.ended:
			if f.has(m) {
				return m.err
			}
		}
	}
}

// has tells whether a process is one of the present ones.
func (f *Fleet) has(m *member) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.members, m)
}

// all gives the processes, those included that are to take the place of others.
func (f *Fleet) all() []*member {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Concat(f.members, f.coming)
}

// Ready is closed when all processes are ready at once for the first time.
func (f *Fleet) Ready() <-chan struct{} { return f.ready }

// Status tells how each process does, in the order given to New.
func (f *Fleet) Status() []Status {
	members := f.all()
	all := make([]Status, 0, len(members))
	for _, m := range members {
		all = append(all, m.status())
	}
	return all
}

// Tell lets the processes know where others are that are not the fleet's, in place of what
// was told before.
func (f *Fleet) Tell(others Directory) { f.dir.tell(others) }

// Kill ends a process at once, as kill -9 does, and waits for its end. It stays
// dead until Restart. name is a Process's Name, which means all its replicas, or
// NAME.REPLICA. Kill is for tests.
func (f *Fleet) Kill(ctx context.Context, name string) error {
	return f.each(name, func(m *member) error {
		if err := m.ask(wantDown); err != nil {
			return err
		}
		return m.await(ctx, Stopped)
	})
}

// Restart starts a process that Kill has ended, or kills one that runs and starts
// it again; it waits until the process is ready. It has the address it had before.
// name is as for Kill. Restart is for tests.
func (f *Fleet) Restart(ctx context.Context, name string) error {
	if err := f.Kill(ctx, name); err != nil {
		return err
	}
	return f.each(name, func(m *member) error {
		if err := m.ask(wantUp); err != nil {
			return err
		}
		return m.await(ctx, Ready)
	})
}

// drain stops all processes, one step of the order after the other, and gives
// the errors other than the one that is known.
func (f *Fleet) drain(known error) error {
	f.out.sayf("stopping")
	f.mu.Lock()
	f.stopping = true
	f.mu.Unlock()
	deadline := time.Now().Add(f.o.StopTimeout)
	var errs []error
	all, _ := stages(f.all(), f.o.Order) // New has checked the order
	for i, stage := range all {
		// A step that hangs must not take the time of those after it.
		share := time.Until(deadline) / time.Duration(len(all)-i)
		var all sync.WaitGroup
		for _, m := range stage {
			all.Go(func() { m.stop(max(share, 0)) })
		}
		all.Wait()
		for _, m := range stage {
			if m.err != nil && m.err != known { //nolint:errorlint // the very same value
				errs = append(errs, m.err)
			}
		}
	}
	return errors.Join(errs...)
}

// each does something with all replicas of a process at the same time.
func (f *Fleet) each(name string, do func(*member) error) error {
	var all sync.WaitGroup
	members := f.all()
	errs := make([]error, len(members))
	found := false
	for i, m := range members {
		if m.Name == name || m.label == name {
			found = true
			all.Go(func() { errs[i] = do(m) })
		}
	}
	all.Wait()
	if !found {
		return fmt.Errorf("there is no process %q", name)
	}
	return errors.Join(errs...)
}

func (f *Fleet) moved() {
	for _, m := range f.all() {
		if !m.is(Ready) {
			return
		}
	}
	f.first.Do(func() { close(f.ready) })
}
