package kerftest

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/run"
)

// outside runs the processes of a plan as real ones.
type outside struct{ fleet *fleet.Fleet }

var _ runner = outside{}

func newOutside(t *testing.T, p *plan.Plan) outside {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatalf("find the test binary: %v", err)
	}
	f, err := run.NewFleet(p, run.FleetOptions{
		Program: []string{self}, Env: []string{childEnv + "=1"}, Data: t.TempDir(), Web: "127.0.0.1:0",
		Stdout: t.Output(),
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
	return outside{f}
}

func (o outside) urls(process string) []string {
	var urls []string
	for _, s := range o.fleet.Status() {
		if s.Process == process {
			urls = append(urls, strings.Fields(s.Address)...)
		}
	}
	return urls
}

func (o outside) web() string {
	for _, s := range o.fleet.Status() {
		if s.Web != "" {
			return s.Web
		}
	}
	return ""
}

func (outside) local(string, string) (grpc.ClientConnInterface, error) {
	return nil, errors.New("no other process calls it, so it has no listener under this plan: " +
		"call it through one that does, or test it with Run")
}

func (o outside) kill(ctx context.Context, process string) error { return o.fleet.Kill(ctx, process) }

func (o outside) restart(ctx context.Context, process string) error {
	return o.fleet.Restart(ctx, process)
}
