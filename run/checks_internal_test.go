package run

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSlowChecksTakeNoLongerTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := checks{drained: make(chan struct{})}
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			c.add(name, func(ctx context.Context) error {
				<-ctx.Done()
				return errors.New(name + " is slow")
			})
		}
		began := time.Now()
		err := c.run(t.Context())
		if err == nil || strings.Count(err.Error(), "is slow") != 5 {
			t.Errorf("got %v, want all five", err)
		}
		if took := time.Since(began); took != checkTimeout {
			t.Errorf("it took %v, want %v", took, checkTimeout)
		}
	})
}
