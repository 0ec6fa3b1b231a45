package fleet_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childEnv selects what this binary does when a test starts it as a process.
const childEnv = "FLEET_TEST_CHILD"

func TestMain(m *testing.M) {
	if behave, isChild := children()[os.Getenv(childEnv)]; isChild {
		os.Exit(behave())
	}
	goleak.VerifyTestMain(m)
}
