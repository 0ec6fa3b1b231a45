package balance_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
)

type nameKey struct{}

func TestAnObserverIsGivenTheCallThatFoundTheChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []string
		b := balance.New(func(string) (link.Conn, error) { return &replica{}, nil }, balance.Options{
			HealthEvery: -1,
			Observe: func(ctx context.Context, e balance.Event) {
				told = append(told, fmt.Sprintf("%s by %v", e.State, ctx.Value(nameKey{})))
			},
		})
		defer b.Close()
		b.Update([]string{"a", "b"})
		pick := func(name string) balance.Call {
			c, err := b.Pick(context.WithValue(t.Context(), nameKey{}, name))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		passed := func() { <-time.NewTimer(time.Second).C }
		pick("the first").Done(refused)
		passed()
		silent(pick("the second"))
		pick("the third").Done(refused)
		passed()
		b.Snapshot()
		want := []string{
			"passed over by the first", "ok by the second", "passed over by the third", "ok by <nil>",
		}
		if !slices.Equal(told, want) {
			t.Errorf("told was %q, want %q", told, want)
		}
	})
}
