package main

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/kerf-go/kerf/examples/routeguide/survey"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/link"
)

func TestTheMovedProgramOverEveryLink(t *testing.T) {
	t.Parallel()
	for _, l := range kit.Batteries().Links {
		if !l.Capabilities().Streams {
			continue // three of its methods are streams
		}
		t.Run(l.Scheme(), func(t *testing.T) {
			t.Parallel()
			survey.Run(t, survey.Program{
				Serve: serve, Visit: visit, Address: address(t, l.Scheme()),
				Dial: func(address string) (survey.Conn, error) { return kit.Dial(address, link.DialOptions{}) },
			})
		})
	}
}

func address(t *testing.T, scheme string) string {
	t.Helper()
	switch scheme {
	case "inproc":
		return "inproc://routeguide"
	case "nats":
		return broker(t) + "/routeguide"
	default:
		return scheme + "://" + survey.Port(t)
	}
}

// broker runs a NATS server until the test ends.
func broker(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.WaitForShutdown)
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the broker is not ready")
	}
	return s.ClientURL()
}
