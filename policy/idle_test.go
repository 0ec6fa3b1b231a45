package policy_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

// watched is a stream with an idle limit.
type watched struct {
	*policy.Watch
	*way
	ended time.Time
}

func newWatched(t *testing.T, s policy.Settings) *watched {
	t.Helper()
	w := &watched{way: newWay(s, nil)}
	w.Watch = w.out.Stream(s).Watch(t.Context(), method)
	w.Start(func() { w.ended = time.Now() })
	return w
}

func TestAStreamEndsWhenNoMessageHasGoneForTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, policy.Settings{Idle: &policy.Idle{Limit: time.Second}})
		for range 20 {
			time.Sleep(999 * time.Millisecond)
			w.Message()
		}
		last := time.Now()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := w.ended.Sub(last); got != time.Second {
			t.Errorf("ended %v after the last message", got)
		}
		wantEvents(t, w.way, "idle ended")
		w.Message()
		w.Stop()
		err := w.Cause(status.Error(codes.Canceled, "the context"))
		wantCode(t, err, codes.DeadlineExceeded)
		if link.Ran(err) != link.MayHaveRun {
			t.Errorf("%v", link.Ran(err))
		}
	})
}

func TestAStreamThatHasEndedIsNotIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, policy.Settings{Idle: &policy.Idle{Limit: time.Second}})
		time.Sleep(time.Second / 2)
		w.Stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		wantCode(t, w.Cause(status.Error(codes.Canceled, "its caller")), codes.Canceled)
		wantEvents(t, w.way)
	})
}

func TestOnlyWhatTheLimitCancelledIsItsFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, policy.Settings{Idle: &policy.Idle{Limit: time.Second}})
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, err := range []error{nil, io.EOF, errMayHaveRun} {
			if got := w.Cause(err); !errors.Is(got, err) {
				t.Errorf("got %v, want %v", got, err)
			}
		}
	})
}

func TestStreamsWithoutALimitAreNotWatched(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]policy.Settings{
		"none": {}, "defaults": policy.Defaults(), "a limit of nothing": {Idle: &policy.Idle{}},
	} {
		w := newWatched(t, s)
		if w.Watch != nil {
			t.Errorf("%s: %+v", name, w.Watch)
		}
		w.Message()
		w.Stop()
		wantCode(t, w.Cause(status.Error(codes.Canceled, "its caller")), codes.Canceled)
	}
}
