package run

import (
	"testing"
	"time"

	"github.com/kerf-go/kerf/plan"
)

func TestAProcessWithoutAFleetDrainsForAsLongAsThePlanSays(t *testing.T) {
	t.Parallel()
	for drain, want := range map[string]time.Duration{
		"drain: 77s\n": 77 * time.Second, "drain: off\n": 20 * time.Second, "": 20 * time.Second,
	} {
		p, err := plan.Parse("plan.yaml", []byte("version: 1\napp: app\n"+drain), plan.Model{App: "app"})
		if err != nil {
			t.Fatal(err)
		}
		if got := stopBound(p); got != want {
			t.Errorf("%q: it may take %v, not %v", drain, got, want)
		}
	}
}
