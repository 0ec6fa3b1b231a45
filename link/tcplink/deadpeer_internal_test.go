package tcplink

import (
	"testing"
	"time"

	"github.com/kerf-go/kerf/link/linktest"
)

func TestDeadPeersAreNoticed(t *testing.T) {
	t.Parallel()
	const heartbeat = 250 * time.Millisecond
	linktest.DeadPeers(t, linktest.Subject{Link: Link{heartbeat: heartbeat}, URL: "tcp://127.0.0.1:0"}, heartbeat)
}
