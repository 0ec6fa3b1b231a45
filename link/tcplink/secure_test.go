package tcplink_test

import (
	"testing"

	"github.com/kerf-go/kerf/link/linktest"
	"github.com/kerf-go/kerf/link/tcplink"
)

func TestCallsInsideTLS(t *testing.T) {
	t.Parallel()
	linktest.Secure(t, linktest.Subject{Link: tcplink.Link{}, URL: "tls+tcp://127.0.0.1:0"})
}
