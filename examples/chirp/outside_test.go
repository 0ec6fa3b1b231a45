package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kerf-go/kerf/fleet"
)

// outside is the app as whoever runs it sees it: its command, what it prints, and
// the addresses that it tells.
type outside struct {
	t    *testing.T
	data string
	url  string

	mu   sync.Mutex // guards logs
	logs bytes.Buffer
}

// asChild makes the test binary the app: see kerftest.Main.
const asChild = "KERFTEST_PROCESS=1"

// command is one of the app's. ctx bounds it.
func command(ctx context.Context, t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(ctx, self, args...)
	c.Env = append(append(os.Environ(), asChild), env...)
	return c
}

// longStop is more than the app allows itself for its drain.
const longStop = 30 * time.Second

// runOutside runs the app until the test ends. It must then end as it should.
func runOutside(t *testing.T, plan string, env ...string) *outside {
	t.Helper()
	o := &outside{t: t, data: t.TempDir()}
	ctx, kill := context.WithCancel(context.Background())
	c := command(ctx, t, env, "run", "--plan", plan, "--data", o.data, "--web", "127.0.0.1:0",
		"--log", "json", "--log-level", "debug")
	c.Stderr = o
	out, in := io.Pipe()
	c.Stdout = in
	if err := c.Start(); err != nil {
		kill()
		t.Fatalf("run: %v", err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- c.Wait()
		_ = in.Close()
	}()
	t.Cleanup(func() {
		defer time.AfterFunc(longStop, kill).Stop()
		_ = c.Process.Signal(os.Interrupt) // drains
		if err := <-ended; err != nil {
			t.Errorf("run ended with %v", err)
		}
		kill()
		if t.Failed() {
			t.Logf("it logged:\n%s", o.logged())
		}
	})
	lines := bufio.NewScanner(out)
	for o.url == "" && lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "  site  "); ok {
			o.url = url
		}
	}
	if o.url == "" {
		t.Fatalf("the app ended before it told its address:\n%s", o.logged())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return o
}

// Write collects what is logged.
func (o *outside) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.logs.Write(p)
}

func (o *outside) logged() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.logs.String()
}

// status asks the app how its processes do, as its users do.
func (o *outside) status() []fleet.Status {
	o.t.Helper()
	answer, err := command(o.t.Context(), o.t, nil, "status", "--json", "--data", o.data).Output()
	if err != nil {
		o.t.Fatalf("status: %v: %s", err, answer)
	}
	var report fleet.Report
	if err := json.Unmarshal(answer, &report); err != nil {
		o.t.Fatalf("status: %v: %s", err, answer)
	}
	return report.Processes
}

// eventually waits until it holds, and fails the test if it does not in time.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			t.Fatalf("still not: %s", what)
		case <-tick.C:
		}
	}
}
