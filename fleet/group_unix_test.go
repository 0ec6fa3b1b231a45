//go:build unix

package fleet_test

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/kerf-go/kerf/fleet"
)

func TestProcessesHaveGroupsOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{}, child("serve", "web"), child("serve", "accounts")).ready(t)
	for _, s := range b.Status() {
		group, err := syscall.Getpgid(s.PID)
		if err != nil || group != s.PID {
			t.Errorf("%s with pid %d is in group %d: %v", s.Process, s.PID, group, err)
		}
	}
}

func TestWhatADeadProcessHasStartedEndsToo(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{}, child("helped", "web")).ready(t)
	var pid int
	poll(t, "the helper's pid is in the log", func() bool {
		_, text, _ := strings.Cut(b.out.String(), "helper ")
		text, _, _ = strings.Cut(text, "\n")
		pid, _ = strconv.Atoi(text)
		return pid > 0
	})
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the helper does not run: %v", err)
	}
	shoot(t, b.of("web").PID)
	poll(t, "the helper has ended", func() bool { return !isAlive(pid) })
}

// isAlive reports whether a process runs; one that has ended and whose parent has
// not asked yet does not.
func isAlive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
