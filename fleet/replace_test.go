package fleet_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/internal/porttest"
)

func TestAProcessIsReplacedByANewOne(t *testing.T) {
	t.Parallel()
	marker := filepath.Join(t.TempDir(), "marker")
	b := run(t, fleet.Options{}, child("serve", "web"), child("serve", "accounts", "MARKER="+marker)).ready(t)
	before := b.of("accounts")
	if err := b.Replace(t.Context(), "accounts"); err != nil {
		t.Fatal(err)
	}
	now := b.of("accounts")
	if now.PID == before.PID || now.Address == before.Address || now.State != fleet.Ready || len(b.Status()) != 2 {
		t.Errorf("it was %+v; now there are %+v", before, b.Status())
	}
	if _, err := os.Stat(marker); err != nil {
		t.Errorf("the old one was not drained: %v", err)
	}
	poll(t, "web knows the new one, and the old one no more", func() bool {
		return knows(b, "web", "accounts") && !strings.Contains(get(b.of("web").Address+"/reach"), before.Address)
	})
	shoot(t, now.PID)
	b.back(t, now)
	if err := b.end(t); err != nil {
		t.Errorf("with a replaced process the fleet ends with %v", err)
	}
}

func TestAProcessThatDoesNotGetReadyReplacesNobody(t *testing.T) {
	t.Parallel()
	p := child("serve", "accounts")
	p.Listen = []string{"http://" + porttest.Free(t)} // fixed: the new one finds it taken
	b := run(t, fleet.Options{}, p).ready(t)
	before := b.of("accounts")
	err := b.Replace(t.Context(), "accounts")
	if err == nil || !strings.Contains(err.Error(), "replace process accounts: ") ||
		!strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
	if all := b.Status(); len(all) != 1 || all[0].PID != before.PID || all[0].State != fleet.Ready {
		t.Errorf("it was %+v; now there are %+v", before, all)
	}
	if err := b.Replace(t.Context(), "nobody"); err == nil || !strings.Contains(err.Error(), `no process "nobody"`) {
		t.Errorf("got %v", err)
	}
	if err := b.end(t); err != nil {
		t.Errorf("the fleet ends with %v", err)
	}
	if err := b.Replace(t.Context(), "accounts"); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("after the end: %v", err)
	}
}

func TestASingleProcessSaysWhyItIsNotReplaced(t *testing.T) {
	t.Parallel()
	single := child("serve", "accounts")
	single.Single = errors.New("there is but one of it")
	b := run(t, fleet.Options{}, single).ready(t)
	before := b.of("accounts")
	if err := b.Replace(t.Context(), "accounts"); !errors.Is(err, single.Single) {
		t.Errorf("got %v", err)
	}
	if all := b.Status(); len(all) != 1 || all[0].PID != before.PID {
		t.Errorf("it was %+v; now there are %+v", before, all)
	}
}

func TestAStopEndsAReplacementToo(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	b := run(t, fleet.Options{}, child("once", "accounts", "GATE="+gate)).ready(t)
	replaced := make(chan error, 1)
	go func() { replaced <- b.Replace(context.WithoutCancel(t.Context()), "accounts") }()
	poll(t, "the new one runs", func() bool { return len(b.Status()) == 2 && b.Status()[1].PID != 0 })
	if err := b.end(t); err != nil {
		t.Errorf("the fleet ends with %v", err)
	}
	if err := <-replaced; err == nil {
		t.Error("a process that never was ready has replaced another")
	}
}
