package compare

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestWhatSystemsSayOfProcesses(t *testing.T) {
	t.Parallel()
	stat := "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 150 0 0 20 0 9 0 12345 99999 1000 18446744073709551615 1"
	got, err := parseStat([]byte(stat))
	want := usage{cpu: 4 * time.Second, memory: 1000 * int64(os.Getpagesize())}
	if err != nil || got != want {
		t.Errorf("/proc: %v, %v; want %v", got, err, want)
	}
	if _, err := parseStat([]byte("42 (cut) S 1")); err == nil {
		t.Error("half a line of /proc is no error")
	}
	got, err = parsePS("  1000     0:01.50\n  24 1-02:03:04\n")
	want = usage{cpu: 1500*time.Millisecond + 26*time.Hour + 3*time.Minute + 4*time.Second, memory: 1024 << 10}
	if err != nil || got != want {
		t.Errorf("ps: %v, %v; want %v", got, err, want)
	}
	for _, wrong := range []string{"1000", "x 0:01", "1 soon", "1 1:2:3:4", "1 x-1:2"} {
		if _, err := parsePS(wrong); err == nil {
			t.Errorf("ps: %q is no error", wrong)
		}
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	t.Parallel()
	pids := []int{os.Getpid()}
	got, err := usageOf(t.Context(), pids)
	if err != nil || got.memory < 1<<20 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := exec.LookPath("ps"); err == nil { // which Linux can be without: it asks others
		ps, err := usageByPS(t.Context(), pids)
		if err != nil || ps.memory < got.memory/2 || ps.memory > got.memory*2 {
			t.Errorf("ps says %v, %v; the system %v", ps, err, got)
		}
	}
	if _, err := usageOf(t.Context(), []int{1 << 30}); err == nil {
		t.Error("nobody's usage is no error")
	}
}
