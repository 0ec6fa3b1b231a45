package grpclink_test

import (
	"testing"

	"github.com/kerf-go/kerf/link/grpclink"
	"github.com/kerf-go/kerf/link/linktest"
)

func TestCallsInsideTLS(t *testing.T) {
	t.Parallel()
	linktest.Secure(t, linktest.Subject{Link: grpclink.Link{}, URL: "grpcs://127.0.0.1:0"})
}
