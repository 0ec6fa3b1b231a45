package natslink_test

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/link/linktest"
	"github.com/kerf-go/kerf/link/natslink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

//nolint:paralleltest // some cases count goroutines
func TestCallsOverNATSBehaveAsGRPC(t *testing.T) {
	linktest.Exercise(t, linktest.Subject{Link: natslink.Link{}, URL: startBroker(t, nil).url("test")})
}

// A broker that takes only small messages changes nothing.
//
//nolint:paralleltest // some cases count goroutines
func TestCallsOverAMeanBrokerBehaveAsGRPC(t *testing.T) {
	b := startBroker(t, func(o *server.Options) { o.MaxPayload = 12_000 })
	linktest.Exercise(t, linktest.Subject{Link: natslink.Link{}, URL: b.url("test")})
}
