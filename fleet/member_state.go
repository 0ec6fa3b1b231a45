package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// begin notes the start of a life, before the process can say anything.
func (m *member) begin() {
	m.mu.Lock()
	m.lives++
	m.since, m.readyAt, m.refusal, m.tail = time.Now(), time.Time{}, "", nil
	m.mu.Unlock()
	m.enter(Starting)
}

func (m *member) born(pid int) {
	m.mu.Lock()
	m.pid = pid
	m.mu.Unlock()
}

// take notes what the process reports of itself.
func (m *member) take(e event) {
	m.mu.Lock()
	if e.Web != "" {
		m.web = e.Web
	}
	if e.Admin != "" {
		m.admin = e.Admin
	}
	if e.Failed != "" {
		m.refusal = e.Failed
	}
	if e.Ready && m.state == Starting { // a process that drains already may say so too late
		m.readyAt = time.Now()
		m.set(Ready)
	}
	m.mu.Unlock()
	m.moved()
	nudge(m.poke)
}

func (m *member) enter(s State) {
	m.mu.Lock()
	m.set(s)
	m.mu.Unlock()
	m.moved()
}

// set changes the state; mu is held.
func (m *member) set(s State) {
	if m.state != s {
		m.state = s
		close(m.changed)
		m.changed = make(chan struct{})
	}
}

func (m *member) is(s State) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state == s
}

func (m *member) wanted() want {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.want
}

// ask changes what is wanted; a stop is never taken back.
func (m *member) ask(w want) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.want == wantStop {
		return fmt.Errorf("process %s: the fleet is stopping", m.label)
	}
	m.want = w
	nudge(m.poke)
	return nil
}

// stop asks for the drain and waits for its end.
func (m *member) stop(within time.Duration) {
	m.mu.Lock()
	m.want, m.within = wantStop, within
	m.mu.Unlock()
	nudge(m.poke)
	<-m.over
}

// await waits until the process is in a state.
func (m *member) await(ctx context.Context, s State) error {
	for {
		m.mu.Lock()
		now, changed := m.state, m.changed
		m.mu.Unlock()
		if now == s {
			return nil
		}
		select {
		case <-changed:
		case <-m.over:
			return fmt.Errorf("process %s is %s and the fleet runs it no more", m.label, now)
		case <-ctx.Done():
			return fmt.Errorf("process %s is %s, not %s: %w", m.label, now, s, context.Cause(ctx))
		}
	}
}

func (m *member) status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Status{
		Process: m.Name, Replica: m.Replica, Services: slices.Clone(m.Services),
		PID: m.pid, Link: m.Link, Address: strings.Join(m.dir.of(m), " "), Web: m.web, Admin: m.admin,
		State: m.state, Restarts: max(m.lives-1, 0),
	}
	if m.pid != 0 {
		s.UptimeSeconds = time.Since(m.since).Seconds()
	}
	return s
}
