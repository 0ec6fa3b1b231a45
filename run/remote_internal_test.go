package run

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/plan"
)

// fakeConn notes what becomes of it.
type fakeConn struct {
	link.Conn
	url           string
	calls, closes int
	during        func() error // the call; nil: it succeeds
	finish        func(error)  // of the last stream
}

func (c *fakeConn) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	c.calls++
	if c.during != nil {
		return c.during()
	}
	return nil
}

func (c *fakeConn) NewStream(
	_ context.Context, _ *grpc.StreamDesc, _ string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	c.finish = func(err error) {
		for _, opt := range opts {
			if o, ok := opt.(grpc.OnFinishCallOption); ok {
				o.OnFinish(err)
			}
		}
	}
	return nil, nil //nolint:nilnil // nobody uses it
}

func (c *fakeConn) Close() error {
	c.closes++
	return nil
}

func fakeRemote() (r *remote, made map[string]*fakeConn) {
	made = make(map[string]*fakeConn)
	http := func(string) string { return "http" }
	return newRemote(NewDirectory(&plan.Plan{}), "back", http, func(url string) (link.Conn, error) {
		if made[url] == nil || made[url].closes > 0 {
			made[url] = &fakeConn{url: url}
		}
		return made[url], nil
	}), made
}

func (r *remote) at(urls ...string) { r.directory.Merge(map[string][]string{"back": urls}) }

func TestAProcessThatNeverStartsIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := fakeRemote()
		began := time.Now()
		err := r.Invoke(t.Context(), "/x/Y", nil, nil)
		waited := time.Since(began)
		if status.Code(err) != codes.Unavailable || link.Ran(err) != link.NeverSent || waited != addressWait {
			t.Errorf("%v, %v, after %v", err, link.Ran(err), waited)
		}
	})
}

func TestACallersDeadlineEndsTheWaitForAProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := fakeRemote()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := r.Invoke(ctx, "/x/Y", nil, nil)
		if status.Code(err) != codes.DeadlineExceeded || link.Ran(err) != link.NeverSent {
			t.Errorf("%v, %v", err, link.Ran(err))
		}
	})
}

func TestAProcessIsCalledAsSoonAsItTellsItsAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, made := fakeRemote()
		began := time.Now()
		time.AfterFunc(time.Second, func() { r.directory.Merge(map[string][]string{"other": {"http://1"}}) })
		time.AfterFunc(2*time.Second, func() {
			r.directory.Merge(map[string][]string{"back": {"tcp://1", "http://1"}})
		})
		if err := r.Invoke(t.Context(), "/x/Y", nil, nil); err != nil || made["http://1"].calls != 1 {
			t.Errorf("%v, %v", err, made)
		}
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("waited %v", waited)
		}
		synctest.Wait()
	})
}

func TestConnsToOldAddressesAreClosed(t *testing.T) {
	t.Parallel()
	r, made := fakeRemote()
	for _, url := range []string{"http://1", "http://2"} {
		r.directory.Merge(map[string][]string{"back": {url}})
		if err := r.Invoke(t.Context(), "/x/Y", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if made["http://1"].closes != 1 || made["http://2"].closes != 0 {
		t.Errorf("the old conn was closed %d times, the new one %d", made["http://1"].closes, made["http://2"].closes)
	}
	if err := r.Close(); err != nil || made["http://2"].closes != 1 {
		t.Errorf("%v; the last conn was closed %d times", err, made["http://2"].closes)
	}
	err := r.Invoke(t.Context(), "/x/Y", nil, nil)
	if status.Code(err) != codes.Canceled || link.Ran(err) != link.NeverSent {
		t.Errorf("a closed conn gives %v", err)
	}
}

func TestCallsGoOnAtAnAddressThatIsGivenUp(t *testing.T) {
	t.Parallel()
	r, made := fakeRemote()
	made["http://1"] = &fakeConn{}
	old := made["http://1"]
	old.during = func() error { // the process moves while the call runs
		r.at("http://2")
		if err := r.Invoke(t.Context(), "/x/Y", nil, nil); err != nil {
			t.Error(err)
		}
		if old.closes != 0 {
			t.Error("a call that runs was cut off")
		}
		return nil
	}
	r.at("http://1")
	if err := r.Invoke(t.Context(), "/x/Y", nil, nil); err != nil || old.closes != 1 || made["http://2"].calls != 1 {
		t.Errorf("%v; the old conn was closed %d times, the new one called %d times",
			err, old.closes, made["http://2"].calls)
	}
}

func TestAStreamGoesOnAtAnAddressThatIsGivenUp(t *testing.T) {
	t.Parallel()
	r, made := fakeRemote()
	r.at("http://1")
	if _, err := r.NewStream(t.Context(), nil, "/x/Z"); err != nil {
		t.Fatal(err)
	}
	r.at("http://2")
	if err := r.Invoke(t.Context(), "/x/Y", nil, nil); err != nil {
		t.Fatal(err)
	}
	old := made["http://1"]
	if old.closes != 0 {
		t.Error("a stream that runs was cut off")
	}
	old.finish(nil)
	old.finish(nil) // another time means nothing
	if old.closes != 1 {
		t.Errorf("after its end the conn was closed %d times", old.closes)
	}
	if _, err := r.NewStream(t.Context(), nil, "/x/Z"); err != nil {
		t.Fatal(err)
	}
	r.at("http://3")
	if err := r.Invoke(t.Context(), "/x/Y", nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil || made["http://2"].closes != 1 || made["http://3"].closes != 1 {
		t.Errorf("%v; a conn with a stream was closed %d times", err, made["http://2"].closes)
	}
}

func TestTheAttemptsOfACallGoToDifferentReplicas(t *testing.T) {
	t.Parallel()
	r, made := fakeRemote()
	r.at("http://1", "http://2")
	call := func(opts ...grpc.CallOption) (url string) {
		for u, c := range made {
			c.during = func() error { url = u; return nil }
		}
		if err := r.Invoke(t.Context(), "/x/Y", nil, nil, opts...); err != nil {
			t.Error(err)
		}
		return url
	}
	call()
	call()
	for range 100 {
		elsewhere := new(balance.Elsewhere)
		first := call(elsewhere)
		call() // another's, whose turn it is
		if second := call(elsewhere); first == second {
			t.Fatalf("both go to %s", first)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestACallThatNeverLeftFollowsItsProcess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome link.Outcome
		code    codes.Code
		moves   bool
		want    codes.Code
	}{
		"it never left, and the process has moved":       {link.NeverSent, codes.Unavailable, true, codes.OK},
		"it never left, and the process is where it was": {link.NeverSent, codes.Unavailable, false, codes.Unavailable},
		"it may have run": {link.MayHaveRun, codes.Unavailable, true, codes.Unavailable},
		"it was refused":  {link.NeverSent, codes.ResourceExhausted, true, codes.ResourceExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, made := fakeRemote()
			made["http://1"] = &fakeConn{during: func() error {
				if c.moves {
					r.at("http://2")
				}
				return link.Mark(status.New(c.code, "gone"), c.outcome)
			}}
			r.at("http://1")
			if err := r.Invoke(t.Context(), "/x/Y", nil, nil); status.Code(err) != c.want {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestAStreamIsACallThatRuns(t *testing.T) {
	t.Parallel()
	r, made := fakeRemote()
	defer r.Close()
	r.directory.Merge(map[string][]string{"back": {"http://1", "http://2"}})
	if _, err := r.NewStream(t.Context(), nil, "/x/Z"); err != nil {
		t.Fatal(err)
	}
	has, other := made["http://1"], made["http://2"]
	if has == nil {
		has, other = other, has
	}
	call := func() {
		t.Helper()
		for range 10 {
			if err := r.Invoke(t.Context(), "/x/Y", nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		other = made["http://1"]
		if other == has {
			other = made["http://2"]
		}
	}
	call()
	if has.calls != 0 || other.calls != 10 {
		t.Errorf("while it runs its replica got %d calls, the other %d", has.calls, other.calls)
	}
	has.finish(nil)
	has.finish(nil) // another time means nothing
	call()
	if has.calls != 5 || other.calls != 15 {
		t.Errorf("after its end its replica got %d calls, the other %d", has.calls, other.calls)
	}
	if _, err := r.NewStream(t.Context(), nil, "/x/Z"); err != nil {
		t.Fatal(err)
	}
	died := link.Mark(status.New(codes.Unavailable, "gone"), link.MayHaveRun)
	for _, c := range made {
		if c.finish != nil {
			c.finish(died)
		}
	}
	over := 0
	for _, s := range r.endpoints() {
		if s.State == balance.PassedOver && s.Outstanding == 0 {
			over++
		}
	}
	if over != 1 {
		t.Errorf("after the end of a peer they stand so: %+v", r.endpoints())
	}
}

func TestReplicasAreToldApartByLink(t *testing.T) {
	t.Parallel()
	r, made := fakeRemote()
	defer r.Close()
	r.scheme = func(method string) string { return method[1:] }
	r.directory.Merge(map[string][]string{"back": {"http://1", "tcp://1"}})
	for _, method := range []string{"/tcp", "/http", "/http"} {
		if err := r.Invoke(t.Context(), method, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if made["http://1"].calls != 2 || made["tcp://1"].calls != 1 || len(r.endpoints()) != 2 {
		t.Errorf("%v, %+v", made, r.endpoints())
	}
}

func BenchmarkRemote(b *testing.B) {
	r, _ := fakeRemote()
	r.at("http://1")
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Invoke(b.Context(), "/x/Y", nil, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// Who calls ends the span of the stream when it is told of its end.
func TestTheEndOfAStreamIsJudgedBeforeItsCallerIsTold(t *testing.T) {
	t.Parallel()
	r, made := fakeRemote()
	var told []string
	r.options.Observe = func(_ context.Context, e balance.Event) { told = append(told, string(e.State)) }
	r.directory.Merge(map[string][]string{"back": {"http://1", "http://2"}})
	defer r.Close()
	caller := grpc.OnFinish(func(error) { told = append(told, "the caller") })
	if _, err := r.NewStream(t.Context(), &grpc.StreamDesc{}, "/x/Y", caller); err != nil {
		t.Fatal(err)
	}
	for _, conn := range made {
		conn.finish(link.Mark(status.New(codes.Unavailable, "for the test"), link.NeverSent))
	}
	if want := []string{"passed over", "the caller"}; !slices.Equal(told, want) {
		t.Errorf("told was %q, want %q", told, want)
	}
}
