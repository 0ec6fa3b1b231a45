package kerftest

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/run"
)

// programs are processes of a plan that are real ones: all, or those with a command.
type programs struct{ *fleet.Fleet }

// launch starts them, until the test ends. They are ready when wait has returned.
func launch(t *testing.T, p *plan.Plan, data string, foreign bool) (all programs, wait func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatalf("find the test binary: %v", err)
	}
	f, err := run.NewFleet(p, run.FleetOptions{
		Program: []string{self}, Env: []string{childEnv + "=1"}, Data: data, Web: "127.0.0.1:0",
		Stdout: t.Output(), Foreign: foreign,
	})
	if err != nil {
		t.Fatalf("fleet: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("fleet: %v", err)
		}
	})
	return programs{f}, func() {
		t.Helper()
		timer := time.NewTimer(startTimeout)
		defer timer.Stop()
		select {
		case <-f.Ready():
		case err := <-ended:
			ended <- nil // told here
			t.Fatalf("fleet ended at its start: %v", err)
		case <-timer.C:
			t.Fatalf("the processes were not ready within %v", startTimeout)
		}
	}
}

func (p programs) urls(process string) []string {
	var urls []string
	for _, s := range p.Status() {
		if s.Process == process {
			urls = append(urls, strings.Fields(s.Address)...)
		}
	}
	return urls
}

func (p programs) has(process string) bool {
	return p.Fleet != nil && slices.ContainsFunc(p.Status(), func(s fleet.Status) bool { return s.Process == process })
}

func (p programs) web() string {
	for _, s := range p.Status() {
		if s.Web != "" {
			return s.Web
		}
	}
	return ""
}
