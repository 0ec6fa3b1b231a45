package policy_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/policy"
)

// service is one whose method takes as long as told, given how many of its calls run.
type service struct {
	in    *policy.Inbound
	gate  *policy.Gate
	takes func(running int) time.Duration

	mu      sync.Mutex // guards the fields below
	running int
	done    int
	refused int
}

func newService(a policy.Admission, takes func(running int) time.Duration) *service {
	s := &service{in: policy.NewInbound(nil), takes: takes}
	s.gate = s.in.Method(policy.Settings{Admission: &a})
	return s
}

// capable is a service that does so many calls at once as fast as one: those beyond wait.
func capable(of int, takes time.Duration) func(running int) time.Duration {
	return func(running int) time.Duration { return takes * time.Duration(max(running, of)) / time.Duration(of) }
}

// call is one call, with the code that it ends with.
func (s *service) call(ctx context.Context, code codes.Code) error {
	began := time.Now()
	if err := s.gate.Enter(ctx, "web", method, false, began); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refused++
		return err
	}
	s.mu.Lock()
	s.running++
	took := s.takes(s.running)
	s.mu.Unlock()
	time.Sleep(took)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	s.done++
	s.gate.Leave(began, time.Since(began), code)
	return nil
}

// load has callers call one after the other for a while; those refused come again soon. It
// tells how many calls were refused, and how many done.
func (s *service) load(ctx context.Context, callers int, long time.Duration) (refused, done int) {
	s.mu.Lock()
	refused, done = s.refused, s.done
	s.mu.Unlock()
	end := time.Now().Add(long)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for time.Now().Before(end) {
				if s.call(ctx, codes.OK) != nil {
					time.Sleep(50 * time.Millisecond)
				}
			}
		})
	}
	all.Wait()
	return s.refused - refused, s.done - done
}

func (s *service) limit() int { return s.in.States()[0].Limit }

func TestALimitFallsWhenCallsTakeLongerAndIsBackInTwoSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		well, ill := capable(200, 20*time.Millisecond), capable(10, 20*time.Millisecond)
		s := newService(policy.Admission{}, well)
		if refused, _ := s.load(t.Context(), 100, 10*time.Second); refused > 0 {
			t.Fatalf("%d were refused of a service that is well", refused)
		}
		s.takes = ill
		refused, _ := s.load(t.Context(), 200, 5*time.Second)
		if s.limit() > 64 || refused == 0 {
			t.Errorf("limit %d, %d refused of a service that does ten at once", s.limit(), refused)
		}
		s.takes = well
		s.load(t.Context(), 100, 2*time.Second)
		if refused, _ := s.load(t.Context(), 100, time.Second); refused > 0 {
			t.Errorf("%d were refused two seconds later", refused)
		}
	})
}

func TestShedLoadKeepsWhatIsDoneUpAndFast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const capacity = 40 // in 20 ms: 2,000 in a second
		s := newService(policy.Admission{}, capable(capacity, 20*time.Millisecond))
		s.load(t.Context(), 30, 30*time.Second)
		began := time.Now()
		_, done := s.load(t.Context(), 500, 5*time.Second)
		if rate := float64(done) / time.Since(began).Seconds(); rate < 1900 {
			t.Errorf("%.0f calls in a second", rate)
		}
		if running := s.limit(); running > 5*capacity {
			t.Errorf("the limit is %d, at which each takes %v", running, s.takes(running))
		}
	})
}

func TestALimitShrinksToItsLeast(t *testing.T) {
	t.Parallel()
	for _, least := range []int{0, 5, 300} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(policy.Admission{Least: least}, capable(400, 10*time.Millisecond))
			s.load(t.Context(), 50, 30*time.Second)
			s.takes = capable(8, 10*time.Millisecond)
			want := least
			if least == 0 {
				want = 32
			}
			for range 10 {
				s.load(t.Context(), 400, time.Second)
				if s.limit() < want {
					t.Errorf("the limit is %d, want at least %d", s.limit(), want)
				}
			}
			if least != 300 && s.limit() > 64 {
				t.Errorf("the limit is %d, though eight at once are all that is done", s.limit())
			}
		})
	}
}

func TestALimitGrowsWithTheTrafficUpToItsMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := policy.NewInbound(nil)
		gate := in.Method(policy.Settings{Admission: &policy.Admission{}})
		limits := append(make([]int, 0, 71), in.States()[0].Limit)
		for range 70 {
			began, n := time.Now(), 0
			for gate.Enter(t.Context(), "web", method, false, began) == nil {
				n++
			}
			time.Sleep(100 * time.Millisecond)
			for range n {
				gate.Leave(began, time.Since(began), codes.OK)
			}
			limits = append(limits, n)
		}
		if limits[0] != 256 || limits[20] < 500 || limits[70] != 2000 {
			t.Errorf("the limits were %v", limits)
		}
	})
}

// What would be refused here would be so for nothing.
func TestNothingIsRefusedForNothing(t *testing.T) {
	t.Parallel()
	type phase struct {
		callers int
		long    time.Duration
	}
	bursts := []phase{{1, 4 * time.Second}, {200, 4 * time.Second}, {20, 4 * time.Second}, {200, 4 * time.Second}}
	steady := []phase{{150, time.Minute}, {20, 4 * time.Second}, {200, 4 * time.Second}}
	for name, test := range map[string]struct {
		takes  func(int) time.Duration
		phases []phase
	}{
		"a burst of fast calls":                             {fast, bursts},
		"a burst of calls that share two cores":             {capable(2, 100*time.Microsecond), bursts},
		"half of the calls take much longer":                {mixed(0.5), bursts},
		"half of the calls take much longer from the start": {mixed(0.5), steady},
		"one in ten calls takes much longer":                {mixed(0.1), bursts},
		"durations are spread as waiting times are":         {exponential(50 * time.Millisecond), bursts},
		"durations differ from one moment to another":       {wavering(), bursts},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newService(policy.Admission{}, test.takes)
				for _, phase := range test.phases {
					if refused, done := s.load(t.Context(), phase.callers, phase.long); refused > 0 {
						t.Errorf("%d were refused and %d done of %d callers", refused, done, phase.callers)
					}
				}
			})
		})
	}
}

func fast(int) time.Duration { return 2 * time.Millisecond }

// The last calls of a crowd that has gone are its slowest. They say nothing of the next one.
func TestACrowdThatHasJustComeIsNoQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := policy.NewInbound(nil)
		gate := in.Method(policy.Settings{Admission: &policy.Admission{}})
		enter := func(n int) time.Time {
			began := time.Now()
			for range n {
				if err := gate.Enter(t.Context(), "web", method, false, began); err != nil {
					t.Fatal(err)
				}
			}
			return began
		}
		leave := func(n int, began time.Time) {
			for range n {
				gate.Leave(began, time.Since(began), codes.OK)
			}
		}
		for range 50 {
			began := enter(20)
			time.Sleep(100 * time.Millisecond)
			leave(20, began)
		}
		began := enter(40)
		for range 3 { // the first look still sees some that were fast
			time.Sleep(time.Second)
			leave(10, began)
		}
		time.Sleep(time.Second)
		enter(200)
		leave(10, began)
		if limit := in.States()[0].Limit; limit < 256 {
			t.Errorf("the limit is %d", limit)
		}
	})
}

// mixed is a service of whose calls some are slow.
func mixed(slow float64) func(int) time.Duration {
	return func(int) time.Duration {
		if rand.Float64() < slow {
			return 500*time.Millisecond + rand.N(time.Second) // lest all callers keep step
		}
		return 2 * time.Millisecond
	}
}

func exponential(mean time.Duration) func(int) time.Duration {
	return func(int) time.Duration { return time.Duration(rand.ExpFloat64() * float64(mean)) }
}

// wavering is a service that is up to half as slow again every other second.
func wavering() func(int) time.Duration {
	began := time.Now()
	return func(int) time.Duration {
		if int(time.Since(began).Seconds())%2 == 0 {
			return 75 * time.Millisecond
		}
		return 50 * time.Millisecond
	}
}

// answering is the server's side of a call, as far as policies see it.
type answering struct {
	grpc.ServerTransportStream
	trailer metadata.MD
}

func (a *answering) SetTrailer(md metadata.MD) error {
	a.trailer = metadata.Join(a.trailer, md)
	return nil
}

func (a *answering) comeAgain(t *testing.T) time.Duration {
	t.Helper()
	values := a.trailer["grpc-retry-pushback-ms"]
	if len(values) != 1 {
		t.Fatalf("%d times to come again", len(values))
	}
	ms, err := strconv.Atoi(values[0])
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(ms) * time.Millisecond
}

func TestWhoIsRefusedIsToldWhenToComeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(policy.Admission{Least: 1, Most: 1}, func(int) time.Duration { return time.Second })
		var running sync.WaitGroup
		defer running.Wait()
		running.Go(func() { _ = s.call(t.Context(), codes.OK) })
		synctest.Wait()
		spread := map[time.Duration]bool{}
		for range 100 {
			a := new(answering)
			err := s.call(grpc.NewContextWithServerTransportStream(t.Context(), a), codes.OK)
			wantCode(t, err, codes.ResourceExhausted)
			again := a.comeAgain(t)
			if again < 100*time.Millisecond || again > 300*time.Millisecond {
				t.Errorf("come again in %v", again)
			}
			spread[again] = true
		}
		if len(spread) < 10 {
			t.Errorf("all come again at once, in %v", spread)
		}
	})
}

func TestStreamsPassAdmission(t *testing.T) {
	t.Parallel()
	s := newService(policy.Admission{Least: 1, Most: 1}, nil)
	for range 10 {
		if err := s.gate.Enter(t.Context(), "web", method, true, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if s.in.States()[0].Running != 0 {
		t.Errorf("%+v", s.in.States())
	}
}

func TestMethodsOfOneScopeCountTogether(t *testing.T) {
	t.Parallel()
	in := policy.NewInbound(nil)
	gate := func(scope string) *policy.Gate {
		return in.Method(policy.Settings{Admission: &policy.Admission{Scope: scope, Least: 1, Most: 1}})
	}
	for _, test := range []struct {
		scope string
		want  codes.Code
	}{{"a", codes.OK}, {"a", codes.ResourceExhausted}, {"b", codes.OK}} {
		wantCode(t, gate(test.scope).Enter(t.Context(), "web", method, false, time.Now()), test.want)
	}
}
