package httplink_test

import (
	"testing"

	"github.com/kerf-go/kerf/link/httplink"
	"github.com/kerf-go/kerf/link/linktest"
)

func TestCallsOverHTTPBehaveAsGRPC(t *testing.T) {
	t.Parallel()
	linktest.Exercise(t, linktest.Subject{Link: httplink.Link{}, URL: "http://127.0.0.1:0"})
}
