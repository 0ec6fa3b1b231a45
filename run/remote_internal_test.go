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
}

func (c *fakeConn) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	c.calls++
	return nil
}

func (c *fakeConn) Close() error {
	c.closes++
	return nil
}

func newRemote() (r *remote, made map[string]*fakeConn) {
	made = make(map[string]*fakeConn)
	return &remote{
		directory: NewDirectory(&plan.Plan{}), process: "back", conns: make(map[string]link.Conn),
		scheme: func(string) string { return "http" },
		dial: func(url string) (link.Conn, error) {
			made[url] = &fakeConn{url: url}
			return made[url], nil
		},
	}, made
}

func TestAProcessThatNeverStartsIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRemote()
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
		r, _ := newRemote()
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
		r, made := newRemote()
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
	r, made := newRemote()
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
