package main

import (
	"testing"

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
	default:
		return scheme + "://" + survey.Port(t)
	}
}
