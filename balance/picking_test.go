package balance_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
)

func TestEquallyBusyEndpointsTakeTurns(t *testing.T) {
	t.Parallel()
	b := setup(t, balance.Options{}, "a", "b", "c")
	for url, n := range b.counts(300) {
		if n != 100 {
			t.Errorf("of 300 calls %s got %d", url, n)
		}
	}
}

func TestTheLessBusyOneOfTwoIsTaken(t *testing.T) {
	t.Parallel()
	b := setup(t, balance.Options{}, "a", "b")
	busy := b.on("a")
	if got := b.counts(100); got["b"] != 100 {
		t.Errorf("while a has a call: %v", got)
	}
	busy.Done(nil)
	if got := b.counts(100); got["a"] != 50 {
		t.Errorf("after its end: %v", got)
	}
}

func TestCallsThatRunAreSpreadEvenly(t *testing.T) {
	t.Parallel()
	b := setup(t, balance.Options{}, "a", "b", "c", "d", "e", "f", "g", "h")
	for range 4000 {
		defer silent(b.pick())
	}
	least, most := 4000, 0
	for _, s := range b.Snapshot() {
		least, most = min(least, s.Outstanding), max(most, s.Outstanding)
	}
	if most-least > 10 { // at random the gap would be about 60
		t.Errorf("the busiest endpoint has %d calls, the least busy one %d", most, least)
	}
}

func TestASlowEndpointGetsFewerCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{}, "a", "b", "c", "d")
		var mu sync.Mutex
		got := make(map[string]int)
		var callers sync.WaitGroup
		for range 16 {
			callers.Go(func() {
				for range 200 {
					c := b.pick()
					took := 10 * time.Millisecond
					if c.URL() == "a" {
						took *= 10
					}
					<-time.NewTimer(took).C
					c.Done(nil)
					mu.Lock()
					got[c.URL()]++
					mu.Unlock()
				}
			})
		}
		callers.Wait()
		for _, fast := range []string{"b", "c", "d"} {
			if got["a"]*4 > got[fast] {
				t.Errorf("%s is ten times as fast as a, and of 3200 calls they got %v", fast, got)
			}
		}
	})
}

func TestWithoutAnEndpointACallWasNeverSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		urls  []string
		close bool
		want  codes.Code
	}{
		"there is none":          {nil, false, codes.Unavailable},
		"it cannot be dialled":   {[]string{"nowhere"}, false, codes.Unavailable},
		"the balancer is closed": {[]string{"a"}, true, codes.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, balance.Options{}, c.urls...)
			if c.close {
				b.Close()
				b.Update(c.urls) // comes too late
			}
			_, err := b.Pick(t.Context())
			if status.Code(err) != c.want || link.Ran(err) != link.NeverSent {
				t.Errorf("%v, %v", err, link.Ran(err))
			}
			for _, s := range b.Snapshot() {
				if s.Outstanding != 0 {
					t.Errorf("a call that failed is counted for ever: %+v", s)
				}
			}
		})
	}
}

func TestAnEndpointThatCannotBeDialledIsPassedOver(t *testing.T) {
	t.Parallel()
	b := setup(t, balance.Options{}, "a", "nowhere")
	failed := 0
	for range 100 {
		c, err := b.Pick(t.Context())
		if err != nil {
			failed++
			continue
		}
		c.Done(nil)
	}
	if failed != 1 {
		t.Errorf("%d calls failed", failed)
	}
	b.want("nowhere", balance.PassedOver)
}

func TestCallsGoOnAtAnEndpointThatIsLeft(t *testing.T) {
	t.Parallel()
	b := setup(t, balance.Options{}, "a", "b", "b")
	old := b.replicas["a"]
	if n := len(b.Snapshot()); n != 2 {
		t.Errorf("there are %d endpoints", n)
	}
	one, two := b.on("a"), b.on("a")
	silent(b.on("b"))
	b.Update([]string{"b"})
	if got := b.counts(10); got["b"] != 10 {
		t.Errorf("who is left gets calls: %v", got)
	}
	one.Done(nil)
	if old.closed() != 0 {
		t.Error("a call that runs was cut off")
	}
	two.Done(refused)
	if old.closed() != 1 {
		t.Errorf("after its last call it was closed %d times", old.closed())
	}
	b.Update([]string{"c"})
	if n := b.replicas["b"].closed(); n != 1 {
		t.Errorf("one without calls was closed %d times", n)
	}
	busy := b.on("c")
	b.Update([]string{"d"})
	b.Close()
	if n := b.replicas["c"].closed(); n != 1 {
		t.Errorf("in the end one that was left was closed %d times", n)
	}
	busy.Done(nil)
	if n := b.replicas["c"].closed(); n != 1 {
		t.Errorf("after the end one that was left was closed %d times", n)
	}
}
