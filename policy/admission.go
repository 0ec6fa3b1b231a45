package policy

import (
	"math"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

// admission is an adaptive limit of the calls that run in a service: where even the fastest
// take longer than they used to, all the time, there is a queue, and more calls at once do
// no more work. A burst is none, since its first calls are as fast as ever (after CoDel,
// RFC 8289). What is faster than usual for as long is the new usual, so that a slow start
// hides no queue for longer, as a minimum over a window does elsewhere (BBR, Cardwell et al.
// 2016).
//
//	            the fastest are slow for a while
//	    normal  ------------------------------->  crowded: the limit shrinks
//	(the limit   <-------------------------------  until they are not
//	  may grow)      they are fast again, or
//	                fewer calls are no faster
type admission struct {
	settings Admission

	mu      sync.Mutex // guards the fields below
	limit   float64
	running int
	before  int  // that ran at the last look
	most    int  // that ran at once since then
	full    bool // some were refused since then
	recent  recent
	looked  time.Time
	level   usual     // of the excess of the fastest
	slow    time.Time // since when they are slow; zero: they are not
	looks   int       // since then
	crowded bool
	trial   trial
}

// How the limit is looked at.
const (
	lookEvery = 100 * time.Millisecond
	lookLeast = 10                     // calls, or nothing can be said
	quick     = 10 * time.Millisecond  // is nobody's trouble, whatever is usual
	standing  = 400 * time.Millisecond // a queue that has not gone in this time,
	still     = 4                      // and was there at so many looks, is no burst
	tryAgain  = 10 * time.Second       // whether it is a queue that makes calls slow
	growth    = 0.25                   // of the limit from one look to the next
	usualCap  = 256                    // where the limit begins, and goes back to
)

// tolerance is how much slower than usual is nobody's trouble: twice, as a logarithm.
const tolerance = math.Ln2

func newAdmission(a Admission) *admission {
	a = a.withDefaults()
	return &admission{settings: a, limit: float64(min(max(usualCap, a.Least), a.Most))}
}

// enter takes a place, which leave gives back; false: there is none.
func (a *admission) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running >= int(a.limit) {
		a.full = true
		return false
	}
	a.running++
	a.most = max(a.most, a.running)
	return true
}

// leave ends a call, and learns from how long it took.
func (a *admission) leave(u *usual, took time.Duration, now time.Time, says says) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running--
	if says == much || says == atLeast && u.n > 0 && logOf(took) > u.log {
		a.note(u, took, now)
	}
	if a.trial.old > 0 {
		a.trial.old--
		if a.trial.old == 0 {
			a.trial.excess = a.recent.fastest()
			a.forget(now)
		}
		return
	}
	if a.recent.n >= lookLeast && now.Sub(a.looked) >= lookEvery {
		a.look(a.recent.fastest(), now)
		a.forget(now)
	}
}

// note keeps how much longer than usual a call took, by the logarithm. Waiting in a queue
// is not to become usual.
func (a *admission) note(u *usual, took time.Duration, now time.Time) {
	d := logOf(took)
	if !u.falls(d, now) && (u.n == 0 || !a.crowded && !a.full) {
		u.learn(d, now)
	}
	a.recent.add(d - u.log)
}

func (a *admission) forget(now time.Time) {
	a.before, a.most, a.full, a.recent.n, a.looked = a.running, a.running, false, 0, now
}

// look moves the limit by how long the fastest calls since the last look took.
func (a *admission) look(fastest float64, now time.Time) {
	a.looks++
	excess := fastest - max(a.level.log, 0) // what is usual for a method may move, and its fastest with it
	least := float64(a.settings.Least)
	switch {
	case a.level.n == 0 || excess <= tolerance:
		a.slow, a.crowded = time.Time{}, false
		if !a.full {
			a.level.learn(fastest, now)
		}
		if excess <= tolerance/2 { //nolint:mnd // the effect of the last growth is yet to come
			a.grow()
		}
	case a.slow.IsZero() || !a.crowded && a.running < a.before-a.before/16:
		a.slow, a.looks = now, 1 // fewer and fewer run: whatever it is, it is going
	case now.Sub(a.slow) < standing || a.looks < still:
	case !a.crowded && float64(a.most) <= least:
		a.level.learn(fastest, now) // there is nothing to shed
	case a.crowded && a.trial.fails(a.most, fastest):
		a.level.log = fastest // the work itself has become slower
		a.slow, a.crowded = time.Time{}, false
	case !a.crowded || a.limit > least:
		a.crowded = true
		a.shrink(max(least, a.limit*math.Exp(tolerance-excess)), now)
	case a.limit < least:
		a.limit = least // it is a queue
	case now.Sub(a.trial.began) > tryAgain:
		a.shrink(max(least/2, 1), now) // until the next look at the soonest
	}
}

func (a *admission) shrink(limit float64, now time.Time) {
	a.limit = limit
	a.trial = trial{began: now, calls: a.running, old: a.running}
}

// grow lets in more where there was need of it, and otherwise goes back to where the limit began.
func (a *admission) grow() {
	home := float64(max(usualCap, a.settings.Least))
	switch {
	case float64(a.most) >= a.limit/2 || a.limit < home:
		a.limit += growth * a.limit
	case float64(a.most) < a.limit/4 && a.limit > home:
		a.limit -= a.limit / 100 //nolint:mnd // to half in some seven seconds
	}
	a.limit = min(max(a.limit, float64(a.settings.Least)), float64(a.settings.Most))
}

// trial tells whether fewer calls at once are faster. If they are not, nothing is won by
// refusing some.
type trial struct {
	began  time.Time
	calls  int     // that ran before
	excess float64 // of the last of them
	old    int     // of them still run
}

func (t trial) fails(calls int, excess float64) bool {
	fewer := math.Log(float64(t.calls) / float64(max(calls, 1)))
	return fewer > 0.25 && t.excess-excess < fewer/2
}

// recent is how much longer than usual the last calls took.
type recent struct {
	excess [64]float64
	n      int // that were added
}

func (r *recent) add(excess float64) {
	r.excess[r.n%len(r.excess)] = excess
	r.n++
}

// fastest is what a tenth of the calls stayed below.
func (r *recent) fastest() float64 {
	all := slices.Sorted(slices.Values(r.excess[:min(r.n, len(r.excess))]))
	if len(all) == 0 {
		return 0
	}
	return all[len(all)/10]
}

// says is what a call's end says of how long the method takes.
type says int

const (
	nothing says = iota
	atLeast      // as long as it took, if nobody had ended it
	much
)

func saysOf(code codes.Code) says {
	switch code { //nolint:exhaustive // failures end early
	case codes.OK:
		return much
	case codes.DeadlineExceeded, codes.Canceled:
		return atLeast
	}
	return nothing
}

var logOfQuick = math.Log(float64(quick))

func logOf(took time.Duration) float64 {
	if took <= quick {
		return logOfQuick
	}
	return math.Log(float64(took))
}

// usual is a value over the long run, such as the logarithm of what one method's calls take:
// a method with two speeds has one middle. The lock of its admission guards it.
type usual struct {
	log   float64
	n     int
	since time.Time // of the last value
	lower struct {  // values in a row
		n     int
		sum   float64
		since time.Time
	}
}

const firstFew = 16 // values are usual at once: of a queue that grows from the first call, no more

// learn takes the first values at once, and later ones as fast as a new one becomes usual.
func (u *usual) learn(value float64, now time.Time) {
	const forgets = 30 * time.Second
	share := min(float64(now.Sub(u.since))/float64(forgets), 1./firstFew)
	u.since = now
	if u.n++; u.n <= firstFew {
		share = 1 / float64(u.n)
	}
	u.log += share * (value - u.log)
}

// falls takes the mean of values that were all lower for a while, which is no chance: the
// start was slow, or a queue has gone. It is told of every value.
func (u *usual) falls(value float64, now time.Time) bool {
	const least = 32 // values
	if value >= u.log {
		u.lower.n, u.lower.sum = 0, 0
		return false
	}
	if u.lower.n == 0 {
		u.lower.since = now
	}
	u.lower.n++
	u.lower.sum += value
	if u.lower.n < least || now.Sub(u.lower.since) < standing {
		return false
	}
	u.log = u.lower.sum / float64(u.lower.n)
	u.lower.n, u.lower.sum = 0, 0
	return true
}
