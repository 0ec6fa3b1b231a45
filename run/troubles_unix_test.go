//go:build unix

package run_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/link"
)

// A replica hangs, which opens the breaker, and is found to be unhealthy.
func TestStatusTellsOfTroubles(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := startProgram(t, "run", "--data", data, "--plan", planFile(t, "version: 1\napp: pair\nlink: http\n"+
		"deadline: 500ms\nprocesses:\n  front: {services: [front], link: http}\n"+
		"  back: {services: [back], replicas: 2}\npolicies: {back: {breaker: {calls: 1, open: 1h}}}\n"))
	poll(t, "it is announced", func() bool { return strings.Contains(p.out.String(), "  data  ") })
	if troubles := troubles(t, data); troubles != "" {
		t.Errorf("at first there are troubles:\n%s", troubles)
	}
	report, err := fleet.ReadStatus(t.Context(), filepath.Join(data, "status.json"))
	if err != nil {
		t.Fatal(err)
	}
	var front, hangs fleet.Status
	for _, s := range report.Processes {
		if s.Process == "front" {
			front = s
		} else {
			hangs = s
		}
	}
	if err := syscall.Kill(hangs.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	conn, err := kit.Dial(front.Address, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	poll(t, "a call goes to who hangs", func() bool {
		_, err := askFront(t.Context(), conn, "")
		return err != nil
	})
	want := regexp.MustCompile(`^front \d+: from front to back, balance ` + regexp.QuoteMeta(hangs.Address) +
		` is unhealthy\n\nfront \d+: from front to back, breaker back is open\n` +
		`\nback \d+: not ready: it does not answer\n\nback \d+: what its policies are about is not known: .*\n$`)
	poll(t, "its troubles are told", func() bool { return want.MatchString(troubles(t, data)) })
	if err := syscall.Kill(hangs.PID, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	poll(t, "it is healthy again", func() bool { return !strings.Contains(troubles(t, data), "balance") })
}

// troubles is what status prints below its table.
func troubles(t *testing.T, data string) string {
	t.Helper()
	out, err := command(t, pair(nil, nil), "status", "--data", data)
	if err != nil {
		t.Error(err)
	}
	_, below, _ := strings.Cut(out, "\n\n")
	return below
}
