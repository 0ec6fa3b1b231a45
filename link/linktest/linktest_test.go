package linktest

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestOracleAgainstItself shows that no case depends on chance: the two sides are
// the same library.
func TestOracleAgainstItself(t *testing.T) { //nolint:paralleltest // its first cases count goroutines
	Exercise(t, Subject{Link: oracle{}, URL: "grpc://127.0.0.1:0", plain: true})
}
