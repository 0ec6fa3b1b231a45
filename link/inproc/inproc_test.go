package inproc_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/link/inproc"
	"github.com/kerf-go/kerf/link/linktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestInProcessCallsBehaveAsGRPC(t *testing.T) { //nolint:paralleltest // its first cases count goroutines
	linktest.Exercise(t, linktest.Subject{Link: inproc.Link{}, URL: "inproc://"})
}
