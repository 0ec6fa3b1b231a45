package fleet_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/fleet"
)

func TestNoProcessOutlivesAFleetThatWasKilled(t *testing.T) {
	t.Parallel()
	file, marker := filepath.Join(t.TempDir(), "status.json"), filepath.Join(t.TempDir(), "marker")
	nest := child("fleet", "fleet", "STATUS="+file, "MARKER="+marker)
	cmd := exec.CommandContext(t.Context(), nest.Command[0])
	cmd.Env = append(os.Environ(), nest.Env...)
	log := &buffer{}
	cmd.Stdout = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log)
		}
	})
	var report fleet.Report
	poll(t, "the fleet is ready", func() bool {
		var err error
		report, err = fleet.ReadStatus(t.Context(), file)
		return err == nil && len(report.Processes) == 3 && allReady(report)
	})
	conns := make([]net.Conn, 0, len(report.Processes))
	for _, p := range report.Processes {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.Address, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		conns = append(conns, conn)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	for i, conn := range conns {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = conn.Read(make([]byte, 1)) // the system ends it with the process
		}()
		await(t, "the end of "+report.Processes[i].Process, ended)
	}
	if text, err := os.ReadFile(filepath.Clean(marker)); err != nil || string(text) != "drained" {
		t.Errorf("web has not drained: %q, %v", text, err)
	}
	again := run(t, fleet.Options{StatusFile: file}, child("serve", "web")).ready(t)
	if err := again.end(t); err != nil {
		t.Errorf("the start after the kill: %v", err)
	}
}

func allReady(r fleet.Report) bool {
	for _, p := range r.Processes {
		if p.State != fleet.Ready {
			return false
		}
	}
	return true
}
