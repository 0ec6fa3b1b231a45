package balance_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
)

func TestAnEndpointThatCannotBeReachedIsPassedOverAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want balance.State
	}{
		"it refused the connection":             {refused, balance.PassedOver},
		"it died while it answered":             {fault(codes.Unavailable, link.MayHaveRun), balance.PassedOver},
		"its handler says it is unavailable":    {fault(codes.Unavailable, link.Answered), balance.OK},
		"the callee has answered with an error": {fault(codes.NotFound, link.Answered), balance.OK},
		"the caller gave up":                    {fault(codes.Canceled, link.MayHaveRun), balance.OK},
		"the call was refused":                  {fault(codes.ResourceExhausted, link.NeverSent), balance.OK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, balance.Options{SlowStart: -1}, "a", "b")
				b.on("a").Done(c.err)
				b.want("a", c.want)
				got, want := b.counts(100), 50
				if c.want == balance.PassedOver {
					want = 0
				}
				if got["a"] != want {
					t.Errorf("a got %d of 100 calls, want %d", got["a"], want)
				}
				b.Close()
			})
		})
	}
}

func TestAnEndpointIsPassedOverForASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{}, "a", "b")
		late := b.on("a")
		b.fail("a", 3, refused)
		<-time.NewTimer(time.Second / 2).C
		late.Done(refused) // it was sent before: nothing new
		<-time.NewTimer(time.Second/2 - 1).C
		if got := b.counts(100); got["a"] != 0 {
			t.Errorf("too early it gets %v", got)
		}
		<-time.NewTimer(1).C
		if got := b.counts(1000); got["a"] == 0 || got["a"] > 150 {
			t.Errorf("afterwards it gets %v, want a few to try it", got)
		}
	})
}

func TestAnEndpointThatAnswersIsPassedOverNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{}, "a", "b")
		before, refusal := b.on("a"), b.on("a")
		<-time.NewTimer(time.Millisecond).C
		late := b.on("a")
		refusal.Done(refused)
		b.want("a", balance.PassedOver)
		before.Done(nil)
		b.want("a", balance.PassedOver) // it may be draining
		late.Done(fault(codes.NotFound, link.Answered))
		if got := b.counts(100); got["a"] != 50 {
			t.Errorf("it gets %v", got)
		}
	})
}

func TestIfNoneIsFineThoseThatWerePassedOverAreUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{}, "a", "b", "c")
		b.fail("c", 5, sick)
		b.want("c", balance.Ejected)
		for _, url := range []string{"a", "b"} {
			c := b.on(url)
			defer silent(b.on(url)) // so that c cannot be needed below
			c.Done(refused)
		}
		if got := b.counts(100); got["c"] != 0 || len(got) != 2 {
			t.Errorf("the calls go to %v", got)
		}
	})
}

func TestFiveFailuresInARowEject(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		took time.Duration
		want balance.State
	}{
		"unavailable, says its handler":                 {fault(codes.Unavailable, link.Answered), 0, balance.Ejected},
		"internal, says its handler, or it panicked":    {sick, 0, balance.Ejected},
		"internal, says the link":                       {fault(codes.Internal, link.MayHaveRun), 0, balance.Ejected},
		"internal, since the request is not encodable":  {fault(codes.Internal, link.NeverSent), 0, balance.OK},
		"unknown, says the link":                        {fault(codes.Unknown, link.MayHaveRun), 0, balance.Ejected},
		"unknown, since its handler gave a plain error": {fault(codes.Unknown, link.Answered), 0, balance.OK},
		"not found":               {fault(codes.NotFound, link.Answered), 0, balance.OK},
		"no answer for long":      {fault(codes.DeadlineExceeded, link.MayHaveRun), time.Second / 10, balance.Ejected},
		"no connection for long":  {fault(codes.DeadlineExceeded, link.NeverSent), time.Second / 10, balance.Ejected},
		"no answer for a moment":  {fault(codes.DeadlineExceeded, link.MayHaveRun), 99 * time.Millisecond, balance.OK},
		"the callers gave up":     {fault(codes.Canceled, link.MayHaveRun), time.Second, balance.OK},
		"the calls were refused":  {fault(codes.ResourceExhausted, link.NeverSent), 0, balance.OK},
		"what no link has marked": {grpcstatus.Error(codes.Internal, "?"), 0, balance.Ejected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, balance.Options{}, "a", "b")
				for range 5 {
					b.want("a", balance.OK)
					call := b.on("a")
					<-time.NewTimer(c.took).C
					call.Done(c.err)
				}
				b.want("a", c.want)
			})
		})
	}
}

func TestAnAnswerBetweenFailuresSavesFromEjection(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{"success": nil, "not found": fault(codes.NotFound, link.Answered)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, balance.Options{}, "a", "b")
			for range 3 {
				b.fail("a", 4, sick)
				b.on("a").Done(answer)
			}
			b.want("a", balance.OK)
			b.fail("a", 2, sick)
			b.on("a").Done(fault(codes.Canceled, link.MayHaveRun)) // says nothing
			b.fail("a", 3, sick)
			b.want("a", balance.Ejected)
		})
	}
}

func TestHalfOfTheEndpointsAreEjectedAtMost(t *testing.T) {
	t.Parallel()
	for n, most := range map[int]int{1: 0, 2: 1, 3: 1, 4: 2, 5: 2} {
		synctest.Test(t, func(t *testing.T) {
			urls := []string{"a", "b", "c", "d", "e"}[:n]
			b := setup(t, balance.Options{}, urls...)
			for _, url := range urls[1:] {
				b.fail(url, 5, sick)
			}
			ejected := 0
			for _, s := range b.Snapshot() {
				if s.State == balance.Ejected {
					ejected++
				}
			}
			if ejected != most {
				t.Errorf("of %d endpoints %d are ejected, want %d", n, ejected, most)
			}
		})
	}
}

func TestNobodyIsEjectedWhileAllFail(t *testing.T) {
	t.Parallel()
	b := setup(t, balance.Options{}, "a", "b")
	for range 10 {
		b.on("a").Done(sick)
		b.on("b").Done(sick)
	}
	b.want("a", balance.OK)
	b.want("b", balance.OK)
	b.on("b").Done(nil)
	b.on("a").Done(sick)
	b.want("a", balance.Ejected)
}

func TestAnEjectionLastsLongerEachTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{}, "a", "b")
		eject := func(want time.Duration) {
			t.Helper()
			b.fail("a", 5, sick)
			if lasts := time.Until(b.status("a").Until); lasts != want {
				t.Errorf("it lasts %v, want %v", lasts, want)
			}
		}
		for i := range 14 {
			want := min(time.Duration(i+1)*5*time.Second, time.Minute)
			eject(want)
			<-time.NewTimer(want - 1).C
			if got := b.counts(100); got["a"] != 0 {
				t.Errorf("while it is ejected it gets %v", got)
			}
			<-time.NewTimer(1).C
			if got := b.counts(1000); got["a"] == 0 {
				t.Errorf("afterwards it gets %v", got)
			}
			b.on("a").Done(nil)
		}
		if n := b.status("a").Ejections; n != 14 {
			t.Errorf("%d ejections were counted", n)
		}
		<-time.NewTimer(6 * time.Minute).C
		eject(5 * time.Second)
	})
}

func TestWhatFailsDuringAnEjectionWasSentBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{}, "a", "b", "c", "d")
		late := make([]balance.Call, 5)
		for i := range late {
			late[i] = b.on("a")
		}
		b.fail("a", 5, sick)
		before := b.status("a")
		<-time.NewTimer(time.Second).C
		for _, c := range late {
			c.Done(sick)
		}
		if s := b.status("a"); !s.Until.Equal(before.Until) || s.Ejections != 1 {
			t.Errorf("before it stood so: %+v; now so: %+v", before, s)
		}
	})
}

func TestWithFewerEndpointsFewerStayEjected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{}, "a", "b", "c", "d")
		b.fail("a", 5, sick)
		<-time.NewTimer(time.Second).C
		b.fail("b", 5, sick)
		b.Update([]string{"a", "b", "c"})
		b.want("a", balance.OK) // it would have been back first
		b.want("b", balance.Ejected)
		b.Update([]string{"b"})
		b.want("b", balance.OK)
	})
}

func TestWhoComesBackIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{}, "a", "b")
		b.fail("a", 4, sick)
		began := time.Now()
		b.fail("a", 1, refused)
		if s := b.status("a"); s.Reason != refused.Error() || s.Share != 0 {
			t.Errorf("it stands so: %+v", s)
		}
		<-time.NewTimer(5 * time.Second).C
		silent(b.pick())
		want := []balance.Event{
			{URL: "a", State: balance.Ejected, Until: began.Add(5 * time.Second), Err: refused},
			{URL: "a", State: balance.OK},
		}
		if got := b.told(); !slices.Equal(got, want) {
			t.Errorf("told was\n%+v\nwant\n%+v", got, want)
		}
	})
}

func TestAnObserverMayAskHowTheEndpointsStand(t *testing.T) {
	t.Parallel()
	var b *balance.Balancer
	var told []string
	b = balance.New(func(string) (link.Conn, error) { return &replica{}, nil }, balance.Options{
		HealthEvery: -1,
		Observe: func(_ context.Context, e balance.Event) {
			if s := b.Snapshot(); s[0].State != balance.PassedOver && s[1].State != balance.PassedOver {
				t.Errorf("while they are told that %+v they stand so: %+v", e, s)
			}
			c, err := b.Pick(t.Context())
			if err != nil {
				t.Error(err)
			}
			c.Done(refused) // another event, to be told after this one
			told = append(told, e.URL)
		},
	})
	defer b.Close()
	b.Update([]string{"a", "b"})
	c, err := b.Pick(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Done(refused)
	if len(told) != 2 || told[0] != c.URL() || told[1] == c.URL() {
		t.Errorf("first %s failed; told was %v", c.URL(), told)
	}
}

func TestASingleEndpointIsUsedWhateverHappens(t *testing.T) {
	t.Parallel()
	b := setup(t, balance.Options{}, "a")
	b.fail("a", 20, refused)
	b.want("a", balance.OK)
	if got := b.told(); len(got) != 0 {
		t.Errorf("told was %+v", got)
	}
}
