package main

import (
	"testing"

	"github.com/kerf-go/kerf/examples/chirp/story"
	"github.com/kerf-go/kerf/kerftest"
)

const (
	together = "plans/monolith.yaml"
	apart    = "plans/http.yaml"
	overGRPC = "plans/grpc.yaml"
	sockets  = "plans/sockets.yaml"
	mixed    = "plans/mixed.yaml"
	polyglot = "plans/polyglot.yaml"
	queued   = "plans/queue.yaml"
	gated    = "plans/gateway.yaml"
)

func TestStoryOfRealProcessesThatBreak(t *testing.T) {
	t.Parallel()
	browser := story.NewBrowser(t)
	env := kerftest.Processes(t, app(), apart)
	story.Browse(t, browser, site(env))
	story.Break(t, browser, site(env), env)
}

func TestNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	env := kerftest.Processes(t, app(), apart)
	story.Survive(t, site(env), env)
}
