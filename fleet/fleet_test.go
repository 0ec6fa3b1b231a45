package fleet_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/internal/porttest"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	web := fleet.Process{Name: "web", Command: []string{"web"}}
	for name, row := range map[string]struct {
		processes []fleet.Process
		order     []string
		says      string
	}{
		"no process": {says: "needs a process"},
		"a process without a name": {
			processes: []fleet.Process{{Command: web.Command}}, says: "has no name",
		},
		"a process without a command": {
			processes: []fleet.Process{{Name: "web"}}, says: "process web has no command",
		},
		"a process that is there twice": {
			processes: []fleet.Process{web, web}, says: "process web.0 is there twice",
		},
		"an order with an unknown process":   {[]fleet.Process{web}, []string{"wbe"}, `"wbe", which is no process`},
		"an order with one process repeated": {[]fleet.Process{web}, []string{"web", "web"}, `names "web" twice`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := fleet.New(row.processes, fleet.Options{Order: row.order})
			if f != nil || err == nil || !strings.Contains(err.Error(), row.says) {
				t.Fatalf("New gave %v, %v", f, err)
			}
		})
	}
}

func TestReadyWhenEveryProcessIs(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{}, child("serve", "web"), child("serve", "accounts")).ready(t)
	for _, s := range b.Status() {
		switch {
		case s.State != fleet.Ready, s.PID == 0, s.Restarts != 0, s.Link != "http", s.Services[0] != s.Process:
			t.Errorf("status %+v", s)
		case !strings.HasPrefix(s.Address, "http://127.0.0.1:"), !strings.HasPrefix(s.Web, "http://web."),
			!strings.HasPrefix(s.Admin, "http://admin."):
			t.Errorf("addresses %+v", s)
		}
	}
	poll(t, "web knows all", func() bool { return knows(b, "web", "accounts") && knows(b, "accounts", "web") })
	if err := b.end(t); err != nil {
		t.Fatal(err)
	}
	for _, s := range b.Status() {
		if s.State != fleet.Stopped || s.PID != 0 || s.UptimeSeconds != 0 {
			t.Errorf("after the end: %+v", s)
		}
	}
	if err := b.Run(t.Context()); err == nil {
		t.Error("a fleet ran twice")
	}
}

func TestAProcessHasItsFolderAndAddress(t *testing.T) {
	t.Parallel()
	p := child("placed", "web")
	p.Listen, p.Dir = []string{"http://" + porttest.Free(t)}, t.TempDir()
	b := run(t, fleet.Options{}, p).ready(t)
	if got := b.of("web").Address; got != p.Listen[0] {
		t.Errorf("it listens on %s, and was to on %s", got, p.Listen[0])
	}
	folder, err := filepath.EvalSymlinks(p.Dir)
	if err != nil {
		t.Fatal(err)
	}
	poll(t, "it tells its folder", func() bool { return strings.Contains(b.out.String(), "runs in "+folder+" <nil>") })
}

func TestProcessesAreToldOfOthers(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{}, child("serve", "web"), child("serve", "accounts")).ready(t)
	b.Tell(fleet.Directory{"elsewhere": {"http://far.example:1"}})
	told := func(process string) bool { return strings.Contains(get(b.of(process).Address+"/reach"), "far.example") }
	poll(t, "both know it, and each other", func() bool {
		return told("web") && told("accounts") && knows(b, "web", "accounts") && knows(b, "accounts", "web")
	})
	b.Tell(nil)
	poll(t, "it is forgotten", func() bool { return !told("web") })
}

// knows reports whether a process has another's present address.
func knows(b *bundle, process, other string) bool {
	return strings.Contains(get(b.of(process).Address+"/reach"), b.of(other).Address)
}

func TestNotReadyWhileOneProcessIsNot(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{}, child("serve", "web"), child("unready", "accounts"))
	poll(t, "web is ready", func() bool { return b.of("web").State == fleet.Ready })
	select {
	case <-b.Ready():
		t.Error("ready")
	default:
	}
}

func TestAProcessThatIsNotReadyInTimeHasDied(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]fleet.Process{
		"one that nobody can ask":   child("unready", "accounts"),
		"one that does not say why": child("wait", "accounts", "HANGS=yes"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := run(t, fleet.Options{MaxRestarts: -1, ReadyTimeout: time.Second}, late)
			await(t, "the fleet to give up", b.done)
			if !strings.Contains(b.err.Error(), "process accounts: killed, because it was not ready within 1s") {
				t.Error(b.err)
			}
		})
	}
}

func TestAProcessThatSaysWhyItIsNotReadyIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{MaxRestarts: -1, ReadyTimeout: 2 * time.Second}, child("wait", "accounts")).ready(t)
	if s := b.of("accounts"); s.Restarts != 0 {
		t.Errorf("it was started anew: %+v", s)
	}
	if want := b.of("accounts").Admin + "/readyz says why"; !strings.Contains(b.out.String(), want) {
		t.Error("it was not told that it waits")
	}
}

func TestStopsCallersBeforeThoseTheyCall(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{Order: []string{"web", "messages"}},
		child("serve", "accounts"),
		child("serve", "messages", "CALLEE=accounts"),
		child("serve", "web", "CALLEE=messages")).ready(t)
	poll(t, "all know all", func() bool { return knows(b, "web", "messages") && knows(b, "messages", "accounts") })
	if err := b.end(t); err != nil {
		t.Fatal(err)
	}
	if !b.out.before("web      | messages answered true", "messages | draining") ||
		!b.out.before("messages | accounts answered true", "accounts | draining") {
		t.Error("drained in another order, or callees were gone")
	}
}

func TestAProcessThatDoesNotDrainIsKilledAndTheOthersStillDrain(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{StopTimeout: 6 * time.Second, Order: []string{"stubborn", "foreign", "web"}},
		child("stubborn", "stubborn"), child("foreign", "foreign"), child("serve", "web")).ready(t)
	err := b.end(t)
	if err == nil ||
		!strings.Contains(err.Error(), "process stubborn: killed, because it had not drained within ") ||
		!strings.Contains(err.Error(), "process foreign: killed") || strings.Contains(err.Error(), "process web") {
		t.Errorf("Run gave %v", err)
	}
	if !strings.Contains(b.out.String(), "web      | draining") {
		t.Error("web was not drained")
	}
}

func TestAFailedDrainIsReported(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{}, child("botched", "web")).ready(t)
	if err := b.end(t); err == nil || err.Error() != "process web: exit status 7, when told to stop" {
		t.Errorf("Run gave %v", err)
	}
}

func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	marker := filepath.Join(t.TempDir(), "marker")
	b := run(t, fleet.Options{}, child("serve", "web", "MARKER="+marker))
	if err := b.end(t); err != nil {
		t.Fatal(err)
	}
	// It may have been stopped before it was started at all, else it has drained.
	if _, err := os.Stat(marker); err != nil && b.of("web").State != fleet.Stopped {
		t.Error(err, b.of("web"))
	}
}
