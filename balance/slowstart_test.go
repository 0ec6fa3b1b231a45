package balance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kerf-go/kerf/balance"
)

// wantShare compares what b gets, of its due half, with what it should.
func (b *bed) wantShare(want float64) {
	b.t.Helper()
	const calls = 10_000
	got := float64(b.counts(calls)["b"]) / calls * 2
	if got < want-0.06 || got > want+0.06 {
		b.t.Errorf("it gets %.2f of its share, want about %.2f", got, want)
	}
	if told := b.status("b").Share; told < want-0.01 || told > want+0.01 {
		b.t.Errorf("it is said to get %.2f of its share, want %.2f", told, want)
	}
}

func TestTheShareOfWhoComesGrows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		checks time.Duration
		come   func(*bed)
	}{
		"a new endpoint": {-1, func(b *bed) {
			<-time.NewTimer(5 * time.Second).C
			b.Update([]string{"a", "b"})
		}},
		"an ejected one": {-1, func(b *bed) {
			b.Update([]string{"a", "b"})
			b.fail("b", 5, sick)
			<-time.NewTimer(5 * time.Second).C
		}},
		"one that was passed over": {-1, func(b *bed) {
			b.Update([]string{"a", "b"})
			b.on("b").Done(refused)
			<-time.NewTimer(time.Second).C
		}},
		"one that did not serve": {5 * time.Second, func(b *bed) {
			b.replicas["b"].answers(notServing, nil)
			b.Update([]string{"a", "b"})
			<-time.NewTimer(10 * time.Second).C
			b.want("b", balance.Unhealthy)
			b.replicas["b"].answers(serving, nil)
			for b.status("b").State != balance.OK {
				<-time.NewTimer(time.Millisecond).C
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, balance.Options{HealthEvery: c.checks}, "a")
				c.come(b)
				b.wantShare(0.1)
				<-time.NewTimer(2500 * time.Millisecond).C
				b.wantShare(0.5)
				<-time.NewTimer(2500 * time.Millisecond).C
				b.wantShare(1)
				b.Close()
			})
		})
	}
}

func TestEndpointsThatAreThereFromTheStartHaveTheirShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{}, "a", "b")
		b.wantShare(1)
		b.Update([]string{"a", "b", "c"}) // a little later
		if got := b.counts(9000); got["c"] != 3000 {
			t.Errorf("they get %v", got)
		}
		<-time.NewTimer(5 * time.Second).C
		b.Update([]string{"c", "d"})
		<-time.NewTimer(5 * time.Second).C
		b.Update([]string{"e", "f"}) // all are new: none can have less than another
		if got := b.counts(10_000); got["e"] < 4500 || got["f"] < 4500 {
			t.Errorf("they get %v", got)
		}
	})
}
