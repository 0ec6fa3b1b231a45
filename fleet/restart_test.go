package fleet_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/fleet"
)

// shoot kills a process as somebody else would do it.
func shoot(t *testing.T, pid int) {
	t.Helper()
	process, err := os.FindProcess(pid)
	if err == nil {
		err = process.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// back waits until a process is ready again.
func (b *bundle) back(t *testing.T, before fleet.Status) {
	t.Helper()
	poll(t, before.Process+" is back", func() bool {
		s := b.of(before.Process)
		return s.State == fleet.Ready && s.PID != before.PID
	})
}

func TestAKilledProcessComesBackAtItsAddress(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{}, child("serve", "web"), child("serve", "accounts")).ready(t)
	before := b.of("accounts")
	shoot(t, before.PID)
	b.back(t, before)
	if s := b.of("accounts"); s.Address != before.Address || s.Restarts != 1 || s.Web != before.Web {
		t.Errorf("before %+v, now %+v", before, s)
	}
	if s := b.of("web"); s.Restarts != 0 {
		t.Errorf("web was restarted too: %+v", s)
	}
	poll(t, "accounts has the directory", func() bool { return knows(b, "accounts", "web") })
	if !strings.Contains(b.out.String(), "fleet    | accounts: signal: killed; restart 1 of 5 in ") {
		t.Error("the death was not told")
	}
}

func TestOthersLearnANewAddress(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{}, child("serve", "web"), child("serve", "accounts", "MOVE=yes")).ready(t)
	before := b.of("accounts").Address
	if err := b.Restart(t.Context(), "accounts"); err != nil {
		t.Fatal(err)
	}
	if b.of("accounts").Address == before {
		t.Fatal("it did not move")
	}
	poll(t, "web knows the new address and not the old one", func() bool {
		return knows(b, "web", "accounts") && !strings.Contains(get(b.of("web").Address+"/reach"), before)
	})
}

func TestGivesUpLoudly(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{MaxRestarts: 2}, child("serve", "web"), child("crash", "accounts"))
	await(t, "the fleet to give up", b.done)
	for _, want := range []string{
		"process accounts: exit status 3, given up after 2 restarts; its last lines:\n", "\tline 14\n",
		"the reason, without an end of line",
	} {
		if !strings.Contains(b.err.Error(), want) {
			t.Errorf("%q is not in: %v", want, b.err)
		}
	}
	if strings.Contains(b.err.Error(), "line 4\n") {
		t.Errorf("the whole log is in: %v", b.err)
	}
	if got := strings.Count(b.out.String(), "accounts | the reason"); got != 3 {
		t.Errorf("it ran %d times, not 3", got)
	}
	if a, w := b.of("accounts"), b.of("web"); a.State != fleet.Failed || a.Restarts != 2 || w.State != fleet.Stopped {
		t.Errorf("accounts %+v, web %+v", a, w)
	}
}

func TestATimeOfHealthForgivesEarlierDeaths(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{MaxRestarts: 1, RestartWindow: time.Nanosecond}, child("serve", "web")).ready(t)
	for range 3 {
		before := b.of("web")
		shoot(t, before.PID)
		b.back(t, before)
	}
	if got := b.of("web").Restarts; got != 3 {
		t.Errorf("%d restarts", got)
	}
}

func TestWhatCannotStartIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	missing := fleet.Process{Name: "web", Command: []string{filepath.Join(t.TempDir(), "missing")}}
	for name, row := range map[string]struct {
		process fleet.Process
		says    string
	}{
		"a process that says so": {
			child("refuse", "web"), "process web: listen 127.0.0.1:8080 for web: address already in use",
		},
		"a program that is not there": {missing, "process web: start: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := run(t, fleet.Options{}, row.process, child("serve", "accounts"))
			await(t, "the fleet to give up", b.done)
			if !strings.HasPrefix(b.err.Error(), row.says) {
				t.Error(b.err)
			}
			if web, other := b.of("web"), b.of("accounts"); web.Restarts != 0 || web.State != fleet.Failed ||
				other.State != fleet.Stopped {
				t.Errorf("web %+v, accounts %+v", web, other)
			}
		})
	}
}

func TestKillLastsUntilRestart(t *testing.T) {
	t.Parallel()
	second := child("serve", "accounts")
	second.Replica = 1
	b := run(t, fleet.Options{}, child("serve", "web"), child("serve", "accounts"), second).ready(t)
	before := b.Status()
	if err := b.Kill(t.Context(), "accounts.1"); err != nil {
		t.Fatal(err)
	}
	if s := b.Status(); s[2].State != fleet.Stopped || s[2].PID != 0 || s[1].PID != before[1].PID {
		t.Errorf("after the kill of a replica: %+v", s)
	}
	if err := b.Kill(t.Context(), "accounts"); err != nil {
		t.Fatal(err)
	}
	if get(before[1].Address+"/reach") != "" || get(before[2].Address+"/reach") != "" {
		t.Error("a killed process answers")
	}
	if err := b.Restart(t.Context(), "accounts"); err != nil {
		t.Fatal(err)
	}
	for i, s := range b.Status()[1:] {
		if s.State != fleet.Ready || s.Address != before[i+1].Address || get(s.Address+"/reach") == "" {
			t.Errorf("after the restart: %+v", s)
		}
	}
	if strings.Contains(b.out.String(), "; restart ") {
		t.Error("a death that was asked for counted as one")
	}
}

func TestAKilledProcessIsNoHindranceToTheStop(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{}, child("serve", "web"), child("serve", "accounts")).ready(t)
	if err := b.Kill(t.Context(), "accounts"); err != nil {
		t.Fatal(err)
	}
	if err := b.end(t); err != nil {
		t.Error(err)
	}
	if err := b.Restart(t.Context(), "web"); err == nil {
		t.Error("a fleet that has ended restarted a process")
	}
}

func TestKillAndRestartRefuse(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{}, child("serve", "web"), child("unready", "accounts"))
	if err := b.Kill(t.Context(), "wbe"); err == nil || !strings.Contains(err.Error(), `no process "wbe"`) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := b.Restart(ctx, "accounts"); err == nil || !strings.Contains(err.Error(), "process accounts is ") {
		t.Errorf("Restart did not end with its context: %v", err)
	}
}
