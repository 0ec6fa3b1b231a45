//go:build unix

package fleet_test

import (
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
