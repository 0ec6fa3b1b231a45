package linktest

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kerf-go/kerf/link"
)

// A tooth is a broken link and the case that must fail on it. On the intact link
// the case must pass, so that it is the defect that fails.
type tooth struct {
	name   string
	row    string
	broken link.Link
	intact link.Link // nil: the oracle
	marked bool      // both links mark outcomes or hold exceptions, so these are looked at
}

func (d tooth) subject(l link.Link) Subject {
	s := Subject{Link: l, URL: "grpc://127.0.0.1:0", plain: !d.marked}
	if n, ok := l.(naive); ok {
		n.servers = new(sync.Map)
		s.Link, s.URL = n, "naive://teeth"
	}
	return s
}

func TestBrokenLinksFail(t *testing.T) { //nolint:tparallel // some cases count goroutines
	t.Parallel()
	teeth := slices.Concat(callTeeth(), streamTeeth(), lifeTeeth(), naiveTeeth())
	for _, d := range teeth {
		t.Run(d.name, func(t *testing.T) {
			r := find(t, d.row)
			if !r.alone {
				t.Parallel()
			}
			if d.intact == nil {
				d.intact = oracle{}
			}
			if found := r.differences(d.subject(d.intact)); len(found) > 0 {
				t.Fatalf("%q fails on the intact link:\n%s", d.row, strings.Join(found, "\n"))
			}
			broken := d.subject(d.broken)
			broken.patience = 2 * time.Second // some of them hang
			found := r.differences(broken)
			if len(found) == 0 {
				t.Fatalf("%q passes", d.row)
			}
			t.Logf("%q finds:\n%s", d.row, strings.Join(found, "\n"))
		})
	}
}

// find gives a case by its name.
func find(t *testing.T, name string) row {
	t.Helper()
	for _, r := range rows() {
		if r.name == name {
			return r
		}
	}
	t.Fatalf("no case is named %q", name)
	return row{}
}

func naiveTeeth() []tooth {
	shares, leaks := naive{shares: true}, naive{leaks: true}
	teeth := []tooth{
		{
			name: "requests are not copied", row: "a request changed by the handler is not changed for the caller",
			broken: shares,
		},
		{
			name:   "requests are not copied and the caller gives up",
			row:    "a request changed by a caller that gave up is not changed for the handler",
			broken: shares,
		},
		{
			name: "replies are not copied", row: "a reply changed by its handler later is not changed for the caller",
			broken: shares,
		},
		{
			name: "kept replies are not copied", row: "a reply that handler and caller both keep is two replies",
			broken: shares,
		},
		{
			name:   "the handler runs on the goroutine of the caller",
			row:    "a handler that ignores its context keeps no caller beyond its deadline",
			broken: naive{inline: true},
		},
		{
			name: "values of the context leak", row: "no value of the caller's context reaches the handler",
			broken: leaks,
		},
		{
			name: "the cause of a cancellation leaks", row: "the cause of a cancellation stays with the caller",
			broken: leaks,
		},
		{
			name:   "the error value of the handler leaks",
			row:    "the caller gets a status and not the error value of the handler",
			broken: naive{raw: true},
		},
	}
	for i := range teeth {
		teeth[i].intact = naive{}
	}
	return teeth
}
