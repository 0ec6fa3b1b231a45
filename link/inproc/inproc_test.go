package inproc_test

import (
	"testing"

	"github.com/kerf-go/kerf/link/inproc"
	"github.com/kerf-go/kerf/link/linktest"
)

func TestInProcessCallsBehaveAsGRPC(t *testing.T) {
	t.Parallel()
	linktest.Exercise(t, linktest.Subject{Link: inproc.Link{}, URL: "inproc://"})
}
