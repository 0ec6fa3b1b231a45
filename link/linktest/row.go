package linktest

import (
	"context"
	"slices"
	"time"

	"github.com/kerf-go/kerf/link"
)

// A row is one case of the suite.
type row struct {
	name    string // a sentence
	run     func(*side)
	streams bool // needs the capability
	message int  // bytes of the largest message that it needs, with its metadata or status
	alone   bool // measures time or counts goroutines, so nothing may run beside it
}

const (
	// patience is when the context of a case ends. The slowest case takes about two
	// seconds under the race detector; the rest is for slow machines.
	patience = 15 * time.Second
	// grace is how long a case may then take to notice, before it counts as hung.
	grace = 5 * time.Second
)

func rows() []row {
	return slices.Concat(
		callRows(), waitRows(), optionRows(), codecRows(), credentialRows(), limitRows(),
		metadataRows(), headerRows(),
		statusRows(), panicRows(),
		deadlineRows(), cancelRows(), contextRows(),
		messageRows(), copyRows(), wireRows(),
		streamRows(), endRows(), flowRows(),
		lifecycleRows(), shutdownRows(), outcomeRows(), registrationRows(),
		interceptorRows(), statsRows(), ecosystemRows(),
	)
}

// differences runs the row on the subject and tells what it should not have seen.
func (r row) differences(s Subject) []string {
	if refuse := r.beyond(s.Link.Capabilities()); refuse != nil {
		got := row{name: r.name, run: refuse}.on(s, false)
		return got.differences(newRecord())
	}
	got := r.on(s, s.plain)
	return got.differences(r.expected(s))
}

// expected is what the subject must see: what the oracle sees, or what holds instead.
func (r row) expected(s Subject) *record {
	if e := excepted(r.name, s.Link.Scheme()); e != nil && !s.plain {
		return &record{notes: e.want}
	}
	return r.on(Subject{Link: oracle{}, URL: "grpc://127.0.0.1:0"}, true)
}

// on runs the row over one link, and gives up on it when it hangs.
func (r row) on(s Subject, isOracle bool) *record {
	bound := patience
	if s.patience > 0 {
		bound = s.patience
	}
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	sd := &side{ctx: ctx, subject: s, oracle: isOracle, record: newRecord()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer sd.cleanUp()
		defer sd.rescue()
		r.run(sd)
	}()
	hung := time.NewTimer(bound + grace)
	defer hung.Stop()
	select {
	case <-done:
	case <-hung.C:
		sd.failf("hangs: not done after %s", bound+grace)
	}
	return sd.record.snapshot()
}

// beyond gives what to run on a link that lacks what the row needs: nil when it
// lacks nothing.
func (r row) beyond(c link.Capabilities) func(*side) {
	switch {
	case r.streams && !c.Streams:
		return refusesStreams
	case c.MaxMessage > 0 && r.message > c.MaxMessage:
		return func(s *side) { refusesMessage(s, c.MaxMessage) }
	}
	return nil
}
