package seam_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/seam"
)

func TestPoliciesTellTheirStates(t *testing.T) {
	t.Parallel()
	const unary, tell = "kerf.linktest.v1.Exercise/Unary", "kerf.linktest.v1.Exercise/Tell"
	s := policy.Defaults()
	s.Idempotent = true
	s.Hedge = &policy.Hedge{After: 2 * time.Second}
	s.Fallback = &policy.Fallback{Last: true}
	s.Rate = &policy.Rate{Scope: "back", Calls: 100}
	deadlines := seam.OutboundOptions{Deadline: func(method string) time.Duration {
		if method == "/"+tell {
			return time.Minute
		}
		return 5 * time.Second
	}}
	web := []string{
		`{"caller":"web","callee":"back","policy":"breaker","state":"closed"}`,
		`{"caller":"web","callee":"back","policy":"bulkhead","limit":256}`,
		`{"caller":"web","callee":"back","policy":"deadline","after_seconds":5}`,
		`{"caller":"web","callee":"back","policy":"deadline","scope":"` + tell + `","after_seconds":60}`,
		`{"caller":"web","callee":"back","policy":"fallback","scope":"` + unary + `","kind":"last"}`,
		`{"caller":"web","callee":"back","policy":"hedge","scope":"` + unary + `","after_seconds":2}`,
		`{"caller":"web","callee":"back","policy":"retry","budget":100}`,
	}
	back := []string{
		`{"callee":"back","policy":"admission","limit":256}`,
		`{"callee":"back","policy":"rate","scope":"back","callers":1}`,
	}
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		g := guardWith(t, l, rawURL, s, deadlines, &handlers{unary: echo})
		g.web.wantStates(t, web[2:4]...) // the others once they are needed
		g.back.wantStates(t)
		if _, err := g.client.Unary(t.Context(), &message{}); err != nil {
			t.Fatal(err)
		}
		g.web.wantStates(t, web...)
		g.back.wantStates(t, back...)
	})
}

func (p *process) wantStates(t *testing.T, want ...string) {
	t.Helper()
	got := p.seam.Policies()
	for i, state := range got {
		text, err := json.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		if i >= len(want) || string(text) != want[i] {
			t.Errorf("state %d is %s", i, text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d states, want %d", len(got), len(want))
	}
}
