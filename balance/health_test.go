package balance_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
)

const (
	serving    = healthpb.HealthCheckResponse_SERVING
	notServing = healthpb.HealthCheckResponse_NOT_SERVING
)

func TestWhoIsNotHealthyGetsNoCalls(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		says healthpb.HealthCheckResponse_ServingStatus
		err  error
		want balance.State
	}{
		"it serves":                      {serving, nil, balance.OK},
		"it does not serve":              {notServing, nil, balance.Unhealthy},
		"it cannot be reached":           {0, refused, balance.Unhealthy},
		"it does not know of health":     {0, fault(codes.Unimplemented, link.NeverSent), balance.OK},
		"it does not tell us its health": {0, fault(codes.PermissionDenied, link.Answered), balance.OK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, balance.Options{HealthEvery: 5 * time.Second, SlowStart: -1})
				b.replicas["a"].answers(c.says, c.err)
				b.replicas["b"].answers(serving, nil)
				b.Update([]string{"a", "b"})
				b.want("a", balance.OK) // until it was asked
				<-time.NewTimer(time.Second).C
				b.want("a", c.want)
				got := b.counts(100)
				if (got["a"] == 0) != (c.want == balance.Unhealthy) {
					t.Errorf("it gets %v", got)
				}
				<-time.NewTimer(time.Minute).C
				b.want("a", c.want)
				b.replicas["a"].answers(serving, nil)
				<-time.NewTimer(6 * time.Second).C
				b.want("a", balance.OK)
				if n := len(b.told()); n != 0 && n != 2 {
					t.Errorf("told was %+v", b.told())
				}
				b.Close()
			})
		})
	}
}

func TestIfNobodyIsHealthyAllAreUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{HealthEvery: time.Second, SlowStart: -1}, "a", "b")
		for _, r := range b.replicas {
			r.answers(notServing, nil)
		}
		<-time.NewTimer(2 * time.Second).C
		b.want("a", balance.Unhealthy)
		if got := b.counts(100); got["a"] != 50 || got["b"] != 50 {
			t.Errorf("the calls go to %v", got)
		}
		b.Close()
	})
}

func TestAHealthCheckThatHangsFailsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{HealthEvery: 5 * time.Second})
		ended := 0
		a := b.replicas["a"]
		a.health = func(ctx context.Context) (healthpb.HealthCheckResponse_ServingStatus, error) {
			<-ctx.Done()
			<-time.NewTimer(time.Millisecond).C
			ended++
			return 0, fault(codes.DeadlineExceeded, link.MayHaveRun)
		}
		b.Update([]string{"a", "b"})
		<-time.NewTimer(1500 * time.Millisecond).C // half a second till the first check, and a second of it
		synctest.Wait()
		b.want("a", balance.Unhealthy)
		await := func(asked int) {
			for len(a.checks()) < asked {
				<-time.NewTimer(time.Millisecond).C
			}
		}
		await(3)                // the first check has asked twice
		b.Update([]string{"a"}) // ends the check that runs
		<-time.NewTimer(time.Minute).C
		b.want("a", balance.OK)
		b.Update([]string{"a", "b"})
		await(4)
		b.Close()
		if ended != 4 {
			t.Error("a check runs on after Close")
		}
	})
}

func TestHealthIsAskedForFromTimeToTimeWithJitter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{HealthEvery: 5 * time.Second}, "a", "b")
		<-time.NewTimer(5 * time.Minute).C
		at := b.replicas["a"].checks()
		gaps := make([]time.Duration, len(at)-1)
		for i := range gaps {
			gaps[i] = at[i+1].Sub(at[i])
		}
		if least, most := slices.Min(gaps), slices.Max(gaps); least < 4500*time.Millisecond ||
			most > 5501*time.Millisecond || most-least < 100*time.Millisecond || len(gaps) < 50 {
			t.Errorf("%d checks, %v to %v apart", len(gaps), least, most)
		}
		b.Close()
	})
}

func TestAnEndpointIsAskedForItsHealthWhileThereAreOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{HealthEvery: time.Second}, "a")
		a := b.replicas["a"]
		a.answers(notServing, nil)
		<-time.NewTimer(time.Minute).C
		if n := len(a.checks()); n != 0 {
			t.Errorf("it was asked %d times", n)
		}
		b.Update([]string{"a", "b"})
		<-time.NewTimer(2 * time.Second).C
		b.want("a", balance.Unhealthy)
		b.Update([]string{"a"})
		if told := b.told(); told[len(told)-1].State != balance.OK {
			t.Errorf("told was %+v", told)
		}
		b.want("a", balance.OK)
		n := len(a.checks())
		<-time.NewTimer(time.Minute).C
		if after := len(a.checks()); after != n {
			t.Errorf("alone again it was asked %d times", after-n)
		}
		b.Update([]string{"b", "c"})
		n = len(b.replicas["b"].checks())
		b.Update([]string{"c", "d"})
		<-time.NewTimer(time.Minute).C
		if after := len(b.replicas["b"].checks()); after != n {
			t.Errorf("after it was left it was asked %d times", after-n)
		}
		b.Close()
	})
}

func TestAHealthCheckThatIsAnsweredEndsPassingOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{HealthEvery: time.Second, PassOver: time.Hour}, "a", "b")
		b.on("a").Done(refused)
		b.want("a", balance.PassedOver)
		<-time.NewTimer(2 * time.Second).C
		b.want("a", balance.OK)
		b.Close()
	})
}

// A replica has started again, and nobody has looked since, when the other one goes away.
func TestIfNoneIsFineThoseWhoWereUnhealthyAreUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{HealthEvery: 5 * time.Second, SlowStart: -1})
		b.replicas["a"].answers(0, refused)
		b.replicas["b"].answers(serving, nil)
		b.Update([]string{"a", "b"})
		<-time.NewTimer(time.Second).C
		b.want("a", balance.Unhealthy)
		b.fail("b", 1, refused)
		if got := b.counts(100); got["a"] == 0 {
			t.Errorf("the calls go to %v", got)
		}
		b.Close()
	})
}
