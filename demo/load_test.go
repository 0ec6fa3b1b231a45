package demo_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kerf-go/kerf/demo"
)

func TestALoadWaitsForNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		load := demo.Begin(t.Context(), 10, func(ctx context.Context) error {
			if n.Add(1) > 5 {
				return errors.New("broken")
			}
			return demo.Wait(ctx, 3*time.Second)
		})
		if err := demo.Wait(t.Context(), 950*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if ended := load.SoFar(); len(ended) != 5 || ended.Answered() != 0 {
			t.Errorf("so far %v", ended)
		}
		calls := load.End()
		if len(calls) != 10 || len(calls.Failed()) != 5 || calls.Answered() != 50 {
			t.Errorf("in the end %v", calls)
		}
		if got := load.Now(); got != 3400*time.Millisecond {
			t.Errorf("the slowest, called after 400 ms, ended after %v", got)
		}
		if early := calls.Between(0, 500*time.Millisecond); len(early) != 5 || early.Quantile(0.5) != 3*time.Second {
			t.Errorf("the early ones are %v", early)
		}
		if moved := calls.From(time.Hour); len(moved.Between(time.Hour, 2*time.Hour)) != 10 {
			t.Errorf("they are %v", moved)
		}
		if none := calls.Between(time.Hour, 2*time.Hour); none.Answered() != 0 || none.Quantile(1) != 0 {
			t.Errorf("of none, %v %% are answered", none.Answered())
		}
	})
}
