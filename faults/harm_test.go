//go:build unix

package faults_test

import (
	"context"
	"net/url"
	"syscall"
	"time"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/plan"
)

func lasting(d time.Duration) func(*field, []*call) {
	return func(f *field, _ []*call) { pause(f.t.Context(), d) }
}

func (f *field) happens(e event) {
	f.t.Helper()
	if err := e.happen(); err != nil {
		f.t.Fatal(err)
	}
}

// signal sends one to the replica that suffers.
func (f *field) signal(s syscall.Signal) {
	if pid := f.replicas[0].pid(); pid > 0 {
		_ = syscall.Kill(pid, s) // it may just be gone
	}
}

// ready waits until the replica that suffers is.
func (f *field) ready() {
	f.t.Helper()
	eventually(f.t, startTimeout, "the replica is ready again", func() bool {
		return f.replicas[0].Status()[0].State == fleet.Ready
	})
}

func (f *field) cut() {
	f.replicas[0].proxy.cut()
	if f.broker != nil {
		f.broker.proxy.cut()
	}
}

func (f *field) late(d time.Duration) {
	if f.link == inproc {
		f.wrong.late.Store(int64(2 * d)) // there and back
		return
	}
	f.replicas[0].proxy.late.Store(int64(d))
}

// suffering is the port that is on the way to the replica that suffers, and on no other's.
func (f *field) suffering() string {
	at := f.replicas[0].url()
	if p := f.replicas[0].proxy; p != nil {
		at = p.url
	}
	u, err := url.Parse(at)
	if err != nil {
		return ""
	}
	return u.Port()
}

func (f *field) port(do func(string) error) {
	f.t.Helper()
	if err := do(f.suffering()); err != nil {
		f.t.Fatal(err)
	}
}

func (f *field) tellBroker(do func(*fleet.Fleet, context.Context, string) error) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), startTimeout)
	defer cancel()
	if err := do(f.broker.Fleet, ctx, plan.BrokerProcess); err != nil {
		f.t.Fatal(err)
	}
}
