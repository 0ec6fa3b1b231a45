package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// handover is how long a process that is replaced goes on while the others learn where
// the new one is. They act at once on what they are told; this is for a busy machine.
const handover = time.Second

// Replace starts a process anew beside the one that runs, as after an update of its
// program: once the new one is ready, the others are told to call it, and only then the old one
// drains. Replicas take turns. If the new one does not get ready, the old one stays, and
// the error tells why; so it is with a process that is Single, and with one whose ports are fixed,
// which the old one has. A new one that waits for its store, say, does so until ctx ends. name is
// as for Kill.
func (f *Fleet) Replace(ctx context.Context, name string) error {
	f.mu.Lock()
	members := slices.Clone(f.members)
	f.mu.Unlock()
	found := false
	for _, m := range members {
		if m.Name != name && m.label != name {
			continue
		}
		found = true
		if err := f.replace(ctx, m); err != nil {
			return fmt.Errorf("replace process %s: %w", m.label, err)
		}
	}
	if !found {
		return fmt.Errorf("there is no process %q", name)
	}
	return nil
}

func (f *Fleet) replace(ctx context.Context, old *member) error {
	if old.Single != nil {
		return old.Single
	}
	next := f.member(old.Process, old.label, old.hue)
	if err := f.welcome(next); err != nil {
		return err
	}
	f.supervise(ctx, next)
	if err := next.await(ctx, Ready); err != nil {
		f.leave(next)
		next.stop(0)
		return errors.Join(err, next.err)
	}
	f.succeed(old, next)
	timer := time.NewTimer(handover)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-old.over:
	}
	old.stop(f.o.StopTimeout)
	return old.err
}

// welcome takes note of a process that is to take another's place.
func (f *Fleet) welcome(next *member) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopping || !f.begun.Load() {
		return errors.New("the fleet does not run")
	}
	f.coming = append(f.coming, next)
	return nil
}

// leave is the end of a process that did not get ready.
func (f *Fleet) leave(next *member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.arrived(next)
}

// arrived ends the waiting of a process for a place; mu is held.
func (f *Fleet) arrived(next *member) {
	f.coming = slices.DeleteFunc(f.coming, func(m *member) bool { return m == next })
}

// succeed puts the new process into the old one's place.
func (f *Fleet) succeed(old, next *member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.arrived(next)
	if i := slices.Index(f.members, old); i >= 0 {
		f.members[i] = next
	}
	f.dir.swap(old, next)
}
