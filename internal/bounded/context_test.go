package bounded_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kerf-go/kerf/internal/bounded"
)

type keyOfTests struct{}

func TestAContextEndsForThoseWhoWaitAndThoseWhoLook(t *testing.T) {
	t.Parallel()
	var (
		nobody    = func(*bounded.Context, context.CancelFunc) {}
		transport = func(own *bounded.Context, _ context.CancelFunc) { own.End(context.Canceled) }
		server    = func(_ *bounded.Context, parent context.CancelFunc) { parent() }
	)
	for name, c := range map[string]struct {
		bounded bool
		end     func(own *bounded.Context, parent context.CancelFunc)
		want    error
	}{
		"by itself at the deadline":      {true, nobody, context.DeadlineExceeded},
		"when the transport says so":     {true, transport, context.Canceled},
		"so too without a deadline":      {false, transport, context.Canceled},
		"with its parent":                {true, server, context.Canceled},
		"with its parent, and unbounded": {false, server, context.Canceled},
	} {
		for when, waits := range map[string][2]bool{
			"waited for before": {true, false}, "waited for after": {false, true}, "only looked at": {false, false},
		} {
			t.Run(name+", "+when, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					parent, cancel := context.WithCancel(context.WithValue(t.Context(), keyOfTests{}, "parent's"))
					defer cancel()
					var own bounded.Context
					deadline := time.Time{}
					if c.bounded {
						deadline = time.Now().Add(time.Second)
					}
					own.Begin(parent, deadline)
					if waits[0] && isOver(&own) || own.Err() != nil || own.Value(keyOfTests{}) != "parent's" {
						t.Fatalf("it begins with %v and %v", own.Err(), own.Value(keyOfTests{}))
					}
					c.end(&own, cancel)
					if errors.Is(c.want, context.DeadlineExceeded) {
						time.Sleep(time.Second) // of the bubble
					}
					synctest.Wait()
					if waits[1] {
						own.Done()
						synctest.Wait()
					}
					first := own.Err()
					if !errors.Is(first, c.want) || !isOver(&own) || !errors.Is(own.Err(), first) ||
						!errors.Is(context.Cause(&own), c.want) {
						t.Errorf("%v, then %v, because of %v; want %v", first, own.Err(), context.Cause(&own), c.want)
					}
					own.End(context.Canceled) // the handler has returned
					if !errors.Is(own.Err(), first) {
						t.Errorf("it ended twice: %v, %v", first, own.Err())
					}
				})
			})
		}
	}
}

func isOver(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

func TestAChildOfAContextCostsNoGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var own bounded.Context
		own.Begin(t.Context(), time.Now().Add(time.Hour))
		child, cancel := context.WithCancel(&own)
		defer cancel()
		own.End(context.Canceled)
		// Without any other goroutine's turn: package context knows the parent.
		if !errors.Is(child.Err(), context.Canceled) {
			t.Errorf("the child has %v", child.Err())
		}
	})
}
