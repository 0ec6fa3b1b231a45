package kerftest_test

import (
	"os"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/kerftest"
)

func TestAKilledBrokerIsAwayUntilItsRestart(t *testing.T) {
	t.Parallel()
	const plan = "testdata/queued.yaml"
	test := func(t *testing.T, env *kerftest.Env) {
		t.Helper()
		tell(t, env)
		env.Kill("broker")
		becomes(t, env, codes.Unavailable.String())
		env.Restart("broker")
		becomes(t, env, "/hi 1")
	}
	kerftest.Run(t, pair(), []string{plan}, test)
	t.Run("processes", func(t *testing.T) {
		t.Parallel()
		test(t, kerftest.Processes(t, pair(), plan))
	})
	if _, err := os.Stat("testdata/nobody-writes-here"); err == nil {
		t.Error("the plan's own folder was used")
	}
}

// becomes waits until the page says something.
func becomes(t *testing.T, env *kerftest.Env, want string) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		got := page(t, env)
		if got == want {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("the page says %q, not %q", got, want)
		}
	}
}
