package run

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
)

func TestAnAddressIsTakenAgainWhenItIsFreeInAMoment(t *testing.T) {
	t.Parallel()
	taken := fmt.Errorf("bind: %w", syscall.EADDRINUSE)
	other := errors.New("no such host")
	for name, c := range map[string]struct {
		answers []error
		want    error
		tries   int
	}{
		"free at once":        {[]error{nil}, nil, 1},
		"free in a moment":    {[]error{taken, taken, nil}, nil, 3},
		"taken by another":    {[]error{taken, taken, taken, taken, taken, taken}, taken, 5},
		"wrong for ever":      {[]error{other, nil}, other, 1},
		"not waited for long": {[]error{taken, other, nil}, other, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				_, err := retake(t.Context(), func() (int, error) {
					tries++
					return tries, c.answers[tries-1]
				})
				if !errors.Is(err, c.want) || tries != c.tries {
					t.Errorf("%v after %d tries, want %v after %d", err, tries, c.want, c.tries)
				}
			})
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := retake(ctx, func() (int, error) { return 0, taken }); !errors.Is(err, taken) {
		t.Errorf("with an ended context: %v", err)
	}
}
