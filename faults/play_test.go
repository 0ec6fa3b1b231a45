//go:build unix

package faults_test

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
)

// many makes so many calls one after the other that each kind has its share of errors.
func (f *field) many() (made []*call) {
	const calls = 30
	for _, k := range f.kinds() {
		for range calls {
			made = append(made, f.callOnce(k))
		}
	}
	return made
}

// short makes calls whose time is too short, and waits until their handlers know. On a busy machine one may
// not even arrive in that time: then another is made, since the handlers are what is looked at.
func (f *field) short() (made []*call) {
	const calls, tries, given, holds = 3, 3, 200 * time.Millisecond, 10 * time.Second // too few for a breaker
	file := runs(f.behaviour.Runs)
	for range calls {
		for _, k := range f.kinds() {
			ran := false
			for n := 0; n < tries && !ran; n++ {
				ctx, cancel := context.WithTimeout(f.t.Context(), given)
				c := f.begin(ctx, k, holds).wait()
				cancel()
				made, ran = append(made, c), len(file.pids(f.t, began, c.id)) > 0
			}
			if !ran {
				last := made[len(made)-1]
				f.t.Errorf("none of %d calls %s has run: %v %s", tries, k, last.code, last.text)
			}
		}
	}
	eventually(f.t, 2*time.Second, "every handler knows that nobody waits", func() bool {
		over := file.all(f.t, ended)
		for id := range file.all(f.t, began) {
			if c := find(made, id); c != nil && len(over[id]) == 0 {
				return false
			}
		}
		return true
	})
	return made
}

func find(all []*call, id string) *call {
	for _, c := range all {
		if c.id == id {
			return c
		}
	}
	return nil
}

// hits plays a fault, and gives all calls that were made from its beginning to its end.
func (x fault) hits(f *field) []*call {
	f.t.Helper()
	if x.calls != nil {
		f.happens(f.behaviour.Struck)
		made := x.calls(f)
		f.happens(f.behaviour.Healed)
		return made
	}
	// After the fault has struck; less than an attempt may take.
	const holds = 600 * time.Millisecond
	var all, held, others []*call
	for _, k := range []kind{watch, add, look, hurried} {
		if k == watch && !f.behaviour.Streams {
			continue
		}
		calls, suffers := f.hold(k, holds)
		if k == watch {
			f.t.Cleanup(func() {
				for _, c := range calls {
					c.cancel()
				}
			})
			others = slices.DeleteFunc(slices.Clone(calls), func(c *call) bool { return c == suffers })
			calls = []*call{suffers}
		}
		all, held = append(all, calls...), append(held, suffers)
	}
	x.strike(f)
	f.happens(f.behaviour.Struck)
	stop := f.load()
	x.lasts(f, held)
	healing := time.Now()
	if x.heal != nil {
		x.heal(f)
	}
	healed := time.Now()
	all = append(all, x.meanwhile(f, stop(), healing)...)
	for _, c := range all {
		if c.kind != watch {
			c.wait()
		} else {
			c.settle(f, healed)
		}
	}
	f.checkOthers(others)
	return all
}

// meanwhile gives those calls that were made before the fault began to be healed, and checks
// them if they are to fail soon.
func (x fault) meanwhile(f *field, made []*call, healing time.Time) []*call {
	f.t.Helper()
	made = slices.DeleteFunc(made, func(c *call) bool { return c.began.After(healing) })
	for _, c := range made {
		over := c.began.Add(c.took).Before(healing)
		if x.away > 0 && (c.took > x.away || over && c.code != codes.Unavailable) {
			f.t.Errorf("%s was made meanwhile, and ended with %v after %v: %s", c.id, c.code, c.took, c.text)
		}
	}
	return made
}

// checkOthers checks that the streams of the other replica went on.
func (f *field) checkOthers(streams []*call) {
	f.t.Helper()
	if f.link == nats {
		return // a broker, and a conn to it, are everybody's
	}
	for _, c := range streams {
		by := runs(f.behaviour.Runs).pids(f.t, began, c.id)
		select {
		case <-c.over:
			if len(f.replicas) > 1 && slices.Equal(by, []int{f.replicas[1].pid()}) {
				f.t.Errorf("a stream of the other replica ended with %v: %s", c.code, c.text)
			}
		default:
		}
	}
}

// goesOn is the code of a stream that has not ended.
const goesOn codes.Code = 1 << 10

// settle waits until the stream has ended, or says something after a fault.
func (c *call) settle(f *field, healed time.Time) {
	f.t.Helper()
	over := false
	eventually(f.t, startTimeout, "a stream ends or goes on", func() bool {
		select {
		case <-c.over:
			over = true
		default:
		}
		return over || c.latest.Load() > healed.UnixNano()
	})
	if !over {
		c.code = goesOn
	}
}
