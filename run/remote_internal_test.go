package run

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

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
	for _, opt := range opts {
		if o, ok := opt.(grpc.OnFinishCallOption); ok {
			c.finish = o.OnFinish
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

func (r *remote) at(url string) { r.directory.Merge(map[string][]string{"back": {url}}) }

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
