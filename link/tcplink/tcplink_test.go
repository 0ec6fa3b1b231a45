package tcplink_test

import (
	"testing"

	"github.com/kerf-go/kerf/link/linktest"
	"github.com/kerf-go/kerf/link/tcplink"
)

func TestCallsOverTCPBehaveAsGRPC(t *testing.T) {
	t.Parallel()
	linktest.Exercise(t, linktest.Subject{Link: tcplink.Link{}, URL: "tcp://127.0.0.1:0"})
}
