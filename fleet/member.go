package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os/exec"
	"sync"
	"time"
)

// member supervises one process through all its lives.
type member struct {
	Process

	label string
	hue   int
	o     Options
	out   *merger
	dir   *directory

	moved func()        // called after each change of state, with no lock held
	poke  chan struct{} // holds one: want changed, or an event was heard
	over  chan struct{} // closed when supervise has returned
	err   error         // why the process was given up or had to be killed; valid after over

	mu       sync.Mutex // guards the fields below; held before the directory's
	want     want
	within   time.Duration // bound of the drain
	state    State
	changed  chan struct{} // closed and replaced at each change of state
	pid      int           // 0 while it does not run
	since    time.Time     // when this life began
	readyAt  time.Time     // zero before this life is ready
	lives    int
	web      string
	admin    string
	refusal  string // why it cannot start
	tail     tail
	shutdown sync.Once
}

// death is how a life ended.
type death struct {
	how   string
	final bool // a further life would end the same way
	clean bool // with exit status 0
	ran   bool // it was well for long enough to forget earlier deaths
}

// supervise runs the process until it is told to stop or is given up.
func (m *member) supervise(ctx context.Context) {
	defer close(m.over)
	deaths := 0
	for m.toLive() {
		d := m.live(ctx)
		switch m.wanted() {
		case wantStop:
			m.err = m.drained(d)
			continue
		case wantDown:
			deaths = 0
			continue
		case wantUp:
		}
		if d.ran {
			deaths = 0
		}
		deaths++
		if d.final || deaths > m.o.MaxRestarts {
			m.err = m.givenUp(d, deaths-1)
			m.enter(Failed)
			return
		}
		m.backOff(d, deaths)
	}
}

// toLive waits while the process is to be dead, and is false once it is to stop.
func (m *member) toLive() bool {
	for {
		wanted := m.wanted()
		if wanted == wantUp {
			return true
		}
		m.enter(Stopped)
		if wanted == wantStop {
			return false
		}
		<-m.poke
	}
}

// live runs the process once, from its start to its end.
func (m *member) live(ctx context.Context) death {
	m.begin()
	c, err := launch(ctx, m)
	if err != nil {
		return death{how: err.Error(), final: isMissing(err)}
	}
	m.born(c.cmd.Process.Pid)
	bound := time.NewTimer(m.o.ReadyTimeout)
	defer bound.Stop()
	late := ""
	for {
		select {
		case <-c.exited:
			return m.ended(c, late)
		case <-bound.C:
			if m.waits(ctx) {
				bound.Reset(m.o.ReadyTimeout)
				continue
			}
			late = m.overdue()
			c.kill()
		case <-m.poke:
			m.attend(c, bound)
		}
	}
}

// attend acts on what has changed while the process runs. What it does is
// harmless when done twice.
func (m *member) attend(c *child, bound *time.Timer) {
	m.mu.Lock()
	wanted, within, state, refusal := m.want, m.within, m.state, m.refusal
	m.mu.Unlock()
	switch {
	case wanted == wantDown:
		c.kill()
	case wanted == wantStop:
		m.shutdown.Do(func() {
			m.enter(Draining)
			c.box.stop(within)
			bound.Reset(within)
		})
	case refusal != "":
		bound.Reset(m.o.StopTimeout) // it ends by itself now
	case state == Ready:
		bound.Stop()
	}
}

// waits tells of a process that is not ready in time whether it says why: it lacks what another start
// would not give it, such as its store. So is one whose fate was changed while it was asked.
func (m *member) waits(ctx context.Context) bool {
	m.mu.Lock()
	admin, since, starts := m.admin, m.since, m.want == wantUp && m.refusal == ""
	m.mu.Unlock()
	if !starts || admin == "" {
		return false
	}
	// A replacement outlives the context of its start.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	response, err := get(ctx, admin+"/readyz")
	if err == nil {
		_ = response.Body.Close()
	}
	if err != nil || response.StatusCode != http.StatusServiceUnavailable {
		return m.wanted() != wantUp
	}
	m.out.sayf("%s: not ready after %s, and waits: %s/readyz says why",
		m.label, time.Since(since).Round(time.Second), admin)
	return true
}

// backOff waits for the time of the next life.
func (m *member) backOff(d death, deaths int) {
	wait := fullJitter(deaths, m.o.BackoffMin, m.o.BackoffMax)
	m.out.sayf("%s: %s; restart %d of %d in %s", m.label, d.how, deaths, m.o.MaxRestarts, wait.Round(time.Millisecond))
	m.enter(BackingOff)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for m.wanted() == wantUp {
		select {
		case <-timer.C:
			return
		case <-m.poke:
		}
	}
}

// ended sums up a life that is over.
func (m *member) ended(c *child, late string) death {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pid = 0
	d := death{
		how:   c.cmd.ProcessState.String(),
		clean: c.cmd.ProcessState.Success(),
		ran:   !m.readyAt.IsZero() && time.Since(m.readyAt) >= m.o.RestartWindow,
	}
	if late != "" {
		d.how = late
	}
	if m.refusal != "" {
		d.how, d.final = m.refusal, true
	}
	return d
}

func (m *member) overdue() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.want == wantStop {
		return fmt.Sprintf("killed, because it had not drained within %s", m.within.Round(time.Millisecond))
	}
	return fmt.Sprintf("killed, because it was not ready within %s", m.o.ReadyTimeout)
}

// drained is what a stop has to report: a process that was killed may have lost work.
func (m *member) drained(d death) error {
	if d.clean {
		return nil
	}
	m.out.sayf("%s: %s, when told to stop", m.label, d.how)
	return fmt.Errorf("process %s: %s, when told to stop", m.label, d.how)
}

func (m *member) givenUp(d death, restarts int) error {
	if d.final {
		m.out.sayf("%s: %s; it is not tried again", m.label, d.how)
		return fmt.Errorf("process %s: %s", m.label, d.how)
	}
	m.mu.Lock()
	lastLines := m.tail.quote()
	m.mu.Unlock()
	m.out.sayf("%s: %s; given up after %d restarts", m.label, d.how, restarts)
	return fmt.Errorf("process %s: %s, given up after %d restarts%s", m.label, d.how, restarts, lastLines)
}

// isMissing tells a start that cannot succeed from one that lacked resources.
func isMissing(err error) bool {
	return errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}
