package udplink_test

import (
	"testing"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/linktest"
	"github.com/kerf-go/kerf/link/udplink"
)

func TestCallsOverUDPBehaveAsGRPC(t *testing.T) { //nolint:paralleltest // its first cases count goroutines
	linktest.Exercise(t, linktest.Subject{Link: udplink.Link{}, URL: "udp://127.0.0.1:0"})
}

// large is the link with the largest datagrams there are, which are let in by the URL.
type large struct{ udplink.Link }

func (large) Capabilities() link.Capabilities { return link.Capabilities{MaxMessage: 65_507 - 108} }

func TestCallsInLargeDatagramsBehaveAsGRPC(t *testing.T) { //nolint:paralleltest // as above
	linktest.Exercise(t, linktest.Subject{Link: large{}, URL: "udp://127.0.0.1:0?datagram=65507", Name: "udp-65507"})
}
