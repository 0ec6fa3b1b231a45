package policy

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

// event is the arrival or the end of a call in a simulation.
type event struct {
	at    time.Duration
	came  time.Duration // of the call that ends
	begun bool          // false: it arrives
}

type events []event

func (e *events) Len() int           { return len(*e) }
func (e *events) Less(i, j int) bool { return (*e)[i].at < (*e)[j].at }
func (e *events) Swap(i, j int)      { (*e)[i], (*e)[j] = (*e)[j], (*e)[i] }
func (e *events) Push(x any)         { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// callee is a service of some workers behind an admission. Nothing in it waits for real.
type callee struct {
	admission *admission
	usual     usual
	workers   func(at time.Duration) int
	takes     func(at time.Duration) time.Duration
	patience  time.Duration // of callers

	busy  int
	queue []time.Duration // when those came that wait for a worker
	ahead events
	seen  []sample
}

// sample is what became of a call.
type sample struct {
	at       time.Duration // it came
	refused  bool
	answered bool // in time
}

var simulated = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// run lets calls arrive, and gives what became of them.
func (c *callee) run(arrivals []time.Duration) []sample {
	for _, at := range arrivals {
		c.ahead = append(c.ahead, event{at: at})
	}
	heap.Init(&c.ahead)
	for len(c.ahead) > 0 {
		e := heap.Pop(&c.ahead).(event)
		switch {
		case e.begun:
			c.busy--
			took := e.at - e.came
			c.admission.leave(&c.usual, took, simulated.Add(e.at), much)
			c.seen = append(c.seen, sample{at: e.came, answered: took <= c.patience})
		case c.admission.enter():
			c.queue = append(c.queue, e.at)
		default:
			c.seen = append(c.seen, sample{at: e.at, refused: true})
		}
		for len(c.queue) > 0 && c.busy < c.workers(e.at) {
			heap.Push(&c.ahead, event{at: e.at + c.takes(e.at), came: c.queue[0], begun: true})
			c.queue = c.queue[1:]
			c.busy++
		}
	}
	return c.seen
}

// steady gives the times of so many calls a second.
func steady(rate int, from, to time.Duration) []time.Duration {
	var all []time.Duration
	for at := from; at < to; at += time.Second / time.Duration(rate) {
		all = append(all, at)
	}
	return all
}

func always[T any](v T) func(time.Duration) T { return func(time.Duration) T { return v } }

// count tells of how many calls that came between two times something is so.
func count(all []sample, from, to time.Duration, is func(sample) bool) (n, of int) {
	for _, s := range all {
		if s.at < from || s.at >= to {
			continue
		}
		of++
		if is(s) {
			n++
		}
	}
	return n, of
}

func refused(s sample) bool  { return s.refused }
func answered(s sample) bool { return s.answered }

// stormy is a callee that loses nine of ten workers, while twice as many call, for ten seconds.
func stormy(workers int, takes time.Duration) []sample {
	const begin, end, over = 20 * time.Second, 30 * time.Second, 40 * time.Second
	capacity := int(time.Duration(workers) * time.Second / takes)
	c := &callee{
		admission: newAdmission(Admission{}), takes: always(takes), patience: 600 * time.Millisecond,
		workers: func(at time.Duration) int {
			if at >= begin && at < end {
				return workers / 10
			}
			return workers
		},
	}
	return c.run(append(steady(capacity/2, 0, over), steady(capacity/2, begin, end)...))
}

func TestAdmissionBearsAStorm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		workers int
		takes   time.Duration
	}{
		"few fast workers":          {20, 20 * time.Millisecond},
		"many workers":              {200, 50 * time.Millisecond},
		"very many workers":         {1000, 100 * time.Millisecond},
		"workers as fast as caches": {10, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := stormy(c.workers, c.takes)
			if n, of := count(all, 2*time.Second, 20*time.Second, refused); n > 0 {
				t.Errorf("before it, %d of %d calls are refused", n, of)
			}
			good, _ := count(all, 20*time.Second, 30*time.Second, answered)
			able := int(10 * time.Duration(c.workers/10) * time.Second / c.takes)
			if good < able*75/100 {
				t.Errorf("in it, %d calls are answered of %d that could be", good, able)
			}
			n, of := count(all, 32*time.Second, 40*time.Second, refused)
			if n > of/1000 {
				t.Errorf("two seconds after it, %d of %d calls are refused", n, of)
			}
		})
	}
}

// A service that starts is slow, or called by too many from the first call on. Neither is
// taken for usual, so that a storm which follows is borne.
func TestAdmissionBearsAStormAfterABadStart(t *testing.T) {
	t.Parallel()
	const begin, end, over = 10 * time.Second, 20 * time.Second, 30 * time.Second
	for name, start := range map[string]struct {
		slower time.Duration // times
		fewer  int           // workers, times
		calls  int           // percent of what it can do later
		lasts  time.Duration
		inTime int // percent of the calls that could be answered while it lasts
	}{
		"calls take long at first":                      {50, 1, 1, 2 * time.Second, 0},
		"calls take long at first, and many come":       {20, 1, 50, 2 * time.Second, 0},
		"too many call from the first call on":          {1, 1, 200, 5 * time.Second, 90},
		"a few too many call from the first call on":    {1, 1, 120, 5 * time.Second, 90},
		"far too many call from the first call on":      {1, 1, 1000, 5 * time.Second, 90},
		"most workers are away, and many call at first": {1, 10, 50, 2 * time.Second, 0},
	} {
		for _, workers := range []int{20, 200} {
			t.Run(fmt.Sprintf("%s, with %d workers", name, workers), func(t *testing.T) {
				t.Parallel()
				const takes = 20 * time.Millisecond
				capacity := workers * int(time.Second/takes)
				c := &callee{
					admission: newAdmission(Admission{}), patience: 600 * time.Millisecond,
					takes: func(at time.Duration) time.Duration {
						if at < start.lasts {
							return takes * start.slower //nolint:durationcheck // one of them is a factor
						}
						return takes
					},
					workers: func(at time.Duration) int {
						switch {
						case at < start.lasts:
							return workers / start.fewer
						case at >= begin && at < end:
							return workers / 10
						}
						return workers
					},
				}
				all := c.run(slices.Concat(
					steady(capacity*start.calls/100, 0, start.lasts),
					steady(capacity/2, start.lasts, over), steady(capacity/2, begin, end)))
				good, _ := count(all, 0, start.lasts, answered)
				if able := int(start.lasts.Seconds()) * capacity; good < able*start.inTime/100 {
					t.Errorf("at first, %d calls are answered of %d that could be", good, able)
				}
				good, _ = count(all, begin, end, answered)
				for k := range 10 {
					from := begin + time.Duration(k)*time.Second
					n, of := count(all, from, from+time.Second, answered)
					t.Log(k, n, of)
				}
				if able := int((end - begin).Seconds()) * workers / 10 * int(time.Second/takes); good < able*70/100 {
					t.Errorf("in the storm, %d calls are answered of %d that could be", good, able)
				}
				if n, of := count(all, end+2*time.Second, over, refused); n > of/1000 {
					t.Errorf("two seconds after it, %d of %d calls are refused", n, of)
				}
			})
		}
	}
}

// What is a queue for long does not become usual.
func TestAdmissionBearsAnOverloadForLong(t *testing.T) {
	t.Parallel()
	c := &callee{
		admission: newAdmission(Admission{}), takes: always(20 * time.Millisecond), patience: 600 * time.Millisecond,
		workers: func(at time.Duration) int {
			if at > 20*time.Second {
				return 4
			}
			return 20
		},
	}
	all := c.run(append(steady(500, 0, 320*time.Second), steady(500, 20*time.Second, 320*time.Second)...))
	for minute := range 5 {
		from := 20*time.Second + time.Duration(minute)*time.Minute
		good, _ := count(all, from, from+time.Minute, answered)
		if good < 12_000*95/100 {
			t.Errorf("in minute %d, %d calls are answered of 12000 that could be", minute, good)
		}
	}
}

func TestAdmissionRefusesNoBursts(t *testing.T) {
	t.Parallel()
	for name, burst := range map[string]int{"short": 100, "longer than a look at the limit": 200} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &callee{
				admission: newAdmission(Admission{}), takes: always(10 * time.Millisecond),
				workers: always(10), patience: time.Second,
			}
			arrivals := steady(200, 0, time.Minute)
			for second := 5; second < 60; second++ {
				for range burst {
					arrivals = append(arrivals, time.Duration(second)*time.Second)
				}
			}
			if n, of := count(c.run(arrivals), 0, time.Minute, refused); n > 0 {
				t.Errorf("%d of %d calls are refused, and the limit is %.0f", n, of, c.admission.limit)
			}
		})
	}
}

// Half of the least is tried now and then, but never none: nothing would end that.
func TestAdmissionWithALeastOfOneLetsOneIn(t *testing.T) {
	t.Parallel()
	a := newAdmission(Admission{Least: 1})
	a.limit, a.crowded, a.level.n, a.looks = 1, true, 1, still
	a.slow, a.trial.began = simulated.Add(-standing), simulated.Add(-2*tryAgain)
	a.look(2*tolerance, simulated)
	if !a.enter() {
		t.Errorf("nobody is let in, and the limit is %g", a.limit)
	}
}

// Where calls stay slow at the least that is let in, half of it tells whether that is a queue.
func TestAtItsLeastAdmissionTriesHalf(t *testing.T) {
	t.Parallel()
	const slow = 2 * tolerance
	for name, test := range map[string]struct {
		since   time.Duration // the last trial
		limit   float64
		then    float64 // how slow the half is
		crowded bool
	}{
		"and it is as slow: so is the work": {tryAgain + 1, 16, slow, false},
		"and it is faster: it is a queue":   {tryAgain + 1, 16, slow - tolerance/2, true},
		"and not again at once":             {tryAgain - 1, 32, slow, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAdmission(Admission{Least: 32})
			a.limit, a.running, a.most, a.before, a.crowded, a.level.n, a.looks = 32, 32, 32, 32, true, 1, still
			a.slow, a.trial.began = simulated.Add(-standing), simulated.Add(-test.since)
			a.trial.calls = a.running
			a.look(slow, simulated)
			if a.limit != test.limit {
				t.Errorf("the limit is %g", a.limit)
			}
			a.running, a.most, a.trial.old, a.trial.excess = int(test.limit), int(test.limit), 0, slow
			if a.look(test.then, simulated.Add(lookEvery)); a.crowded != test.crowded {
				t.Errorf("it is crowded: %t", a.crowded)
			}
		})
	}
}

func TestAdmissionFollowsWorkThatTakesLonger(t *testing.T) {
	t.Parallel()
	c := &callee{
		admission: newAdmission(Admission{}), workers: always(10_000), patience: time.Second,
		takes: func(at time.Duration) time.Duration {
			if at > 20*time.Second {
				return 200 * time.Millisecond
			}
			return 20 * time.Millisecond
		},
	}
	all := c.run(steady(1000, 0, 100*time.Second))
	if n, _ := count(all, 20*time.Second, 25*time.Second, refused); n > 1000 {
		t.Errorf("at first %d of 5000 calls are refused", n)
	}
	if n, of := count(all, 25*time.Second, 100*time.Second, refused); n > 0 {
		t.Errorf("later %d of %d calls are refused", n, of)
	}
}

// Durations vary, some methods have two speeds, and people come when they like.
func TestAdmissionRefusesNobodyByChance(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	c := &callee{
		admission: newAdmission(Admission{}), workers: always(20), patience: time.Second,
		takes: func(time.Duration) time.Duration {
			if random.IntN(2) == 0 {
				return time.Millisecond
			}
			return time.Duration(random.ExpFloat64() * float64(40*time.Millisecond))
		},
	}
	var arrivals []time.Duration
	for at := 0.0; at < 120; at += random.ExpFloat64() / 800 { // of 975 a second that can be
		arrivals = append(arrivals, time.Duration(at*float64(time.Second)))
	}
	if n, of := count(c.run(arrivals), 0, 2*time.Minute, refused); n > of/5000 {
		t.Errorf("%d of %d calls are refused, and the limit is %.0f", n, of, c.admission.limit)
	}
}

// Failures are often fast, and callers who give up early say little: neither makes the
// others look slow.
func TestOfHowLongAMethodTakesOnlySomeEndsTell(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		code codes.Code
		took time.Duration
		want int // ends that count
	}{
		"answers that are slow":           {codes.OK, 5 * time.Second, 1},
		"answers that are fast":           {codes.OK, 0, 1},
		"callers who waited in vain":      {codes.DeadlineExceeded, 5 * time.Second, 1},
		"those who gave up after a while": {codes.Canceled, 5 * time.Second, 1},
		"those who gave up at once":       {codes.Canceled, 0, 0},
		"failures that are slow":          {codes.Internal, 5 * time.Second, 0},
		"failures that are fast":          {codes.InvalidArgument, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, u, now := newAdmission(Admission{}), new(usual), simulated
			a.looked = now // so that nothing is forgotten meanwhile
			end := func(took time.Duration, s says) {
				if !a.enter() {
					t.Fatal("refused")
				}
				a.leave(u, took, now, s)
			}
			end(100*time.Millisecond, much)
			before := a.recent.n
			end(test.took, saysOf(test.code))
			if got := a.recent.n - before; got != test.want {
				t.Errorf("%d ends count, want %d", got, test.want)
			}
		})
	}
}
