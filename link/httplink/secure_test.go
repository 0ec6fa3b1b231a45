package httplink_test

import (
	"testing"

	"github.com/kerf-go/kerf/link/httplink"
	"github.com/kerf-go/kerf/link/linktest"
)

func TestCallsInsideTLS(t *testing.T) {
	t.Parallel()
	linktest.Secure(t, linktest.Subject{Link: httplink.Link{}, URL: "https://127.0.0.1:0"}, "http=2", "http=1")
}
