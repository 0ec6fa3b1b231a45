package kerftest

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/plan"
)

// outside runs the processes of a plan as real ones.
type outside struct{ programs }

var _ runner = outside{}

func newOutside(t *testing.T, p *plan.Plan) outside {
	t.Helper()
	all, wait := launch(t, p, t.TempDir(), false)
	wait()
	return outside{all}
}

func (outside) local(string, string) (grpc.ClientConnInterface, error) {
	return nil, errors.New("no other process calls it, so it has no listener under this plan: " +
		"call it through one that does, or test it with Run")
}

func (o outside) kill(ctx context.Context, process string) error { return o.Kill(ctx, process) }

func (o outside) replace(ctx context.Context, process string) error { return o.Replace(ctx, process) }

func (o outside) restart(ctx context.Context, process string) error {
	return o.Restart(ctx, process)
}
