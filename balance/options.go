package balance

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
)

// Options say how a Balancer judges its endpoints; the zero value is valid.
type Options struct {
	Failures    int           // in a row, that eject; 0: 5
	Ejection    time.Duration // the first one's; 0: 5 s; negative: nobody is ejected. The n-th lasts n times as long
	MaxEjection time.Duration // 0: 60 s
	MostEjected float64       // the share of the endpoints that are ejected at once, rounded down; 0: 0.5
	PassOver    time.Duration // of an endpoint that could not be reached; 0: 1 s; negative: none
	SlowStart   time.Duration // 0: 5 s; negative: none

	// HealthEvery is the time between two health checks of an endpoint, more or less a
	// tenth; 0: 1 s; negative: no checks. There are none with a single endpoint.
	HealthEvery time.Duration

	// Silence is how long an endpoint may leave a health check, which asks twice in that time,
	// and all calls without an answer; 0: 1 s.
	Silence time.Duration

	// Observe is told of every change of an endpoint's state, in order and one at a time;
	// nil: nobody is. A call's Done waits for it. What time alone changes, such as an
	// ejection's end, is told with the next pick, health check or Snapshot. ctx is that of
	// the call whose pick or end found the change; of none if it was something else.
	Observe func(ctx context.Context, e Event)
}

// Off are the options of a Balancer that spreads calls and judges nobody.
func Off() Options { return Options{Ejection: -1, PassOver: -1, SlowStart: -1, HealthEvery: -1} }

func (o Options) withDefaults() Options {
	o.Failures = cmp.Or(o.Failures, 5)
	o.Ejection = cmp.Or(o.Ejection, 5*time.Second)
	o.MaxEjection = max(cmp.Or(o.MaxEjection, time.Minute), o.Ejection)
	o.MostEjected = cmp.Or(o.MostEjected, 0.5)
	o.PassOver = cmp.Or(o.PassOver, time.Second)
	o.SlowStart = cmp.Or(o.SlowStart, 5*time.Second)
	o.HealthEvery = cmp.Or(o.HealthEvery, time.Second)
	o.Silence = cmp.Or(o.Silence, time.Second)
	return o
}

// String gives the options in words, defaults filled in.
func (o Options) String() string {
	o = o.withDefaults()
	parts := []string{"nobody ejected", "no health checks", "no slow start"}
	if o.Ejection > 0 {
		failures := fmt.Sprintf("%d failures eject", o.Failures)
		if o.Failures == 1 {
			failures = "1 failure ejects"
		}
		parts[0] = fmt.Sprintf("%s for %v, at most %g%%", failures, o.Ejection, 100*o.MostEjected)
	}
	if o.HealthEvery > 0 {
		parts[1] = fmt.Sprintf("health every %v, %v of silence", o.HealthEvery, o.Silence)
	}
	if o.SlowStart > 0 {
		parts[2] = fmt.Sprintf("slow start %v", o.SlowStart)
	}
	return strings.Join(parts, "; ")
}
