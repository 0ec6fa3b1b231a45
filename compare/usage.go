package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// usage is what processes have used of the machine.
type usage struct {
	cpu    time.Duration // since they began
	memory int64         // resident bytes, now
}

func usageOf(ctx context.Context, pids []int) (usage, error) {
	if runtime.GOOS == "linux" {
		return usageByProc(pids)
	}
	return usageByPS(ctx, pids)
}

func usageByProc(pids []int) (usage, error) {
	var sum usage
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return usage{}, fmt.Errorf("what a process uses: %w", err)
		}
		one, err := parseStat(stat)
		if err != nil {
			return usage{}, err
		}
		sum.cpu += one.cpu
		sum.memory += one.memory
	}
	return sum, nil
}

// parseStat reads /proc/PID/stat: see proc_pid_stat(5). Times are in hundredths of a
// second wherever Linux runs.
func parseStat(stat []byte) (usage, error) {
	const (
		utime, stime, rss = 11, 12, 21 // counted from after the name
		tick              = 10 * time.Millisecond
	)
	end := bytes.LastIndexByte(stat, ')') // the name may hold anything
	fields := strings.Fields(string(stat[end+1:]))
	if end < 0 || len(fields) <= rss {
		return usage{}, fmt.Errorf("what a process uses: cannot read %q", stat)
	}
	user, err := strconv.ParseInt(fields[utime], 10, 64)
	system, err2 := strconv.ParseInt(fields[stime], 10, 64)
	pages, err3 := strconv.ParseInt(fields[rss], 10, 64)
	return usage{
		cpu: time.Duration(user+system) * tick, memory: pages * int64(os.Getpagesize()),
	}, errors.Join(err, err2, err3)
}

// usageByPS asks ps, which all Unix systems have.
func usageByPS(ctx context.Context, pids []int) (usage, error) {
	list := make([]string, 0, len(pids))
	for _, pid := range pids {
		list = append(list, strconv.Itoa(pid))
	}
	ps := exec.CommandContext(ctx, "ps", "-o", "rss=,time=", "-p", strings.Join(list, ",")) //nolint:gosec // numbers
	out, err := ps.Output()
	if err != nil {
		return usage{}, fmt.Errorf("what processes use cannot be told on %s: ps: %w", runtime.GOOS, err)
	}
	return parsePS(string(out))
}

// parsePS adds up lines of kilobytes and processor time.
func parsePS(out string) (usage, error) {
	var sum usage
	for line := range strings.Lines(out) {
		var kilobytes int64
		var spent string
		_, err := fmt.Sscan(line, &kilobytes, &spent)
		cpu, err2 := parseClock(spent)
		if err := errors.Join(err, err2); err != nil {
			return usage{}, fmt.Errorf("what processes use: cannot read %q: %w", line, err)
		}
		sum.memory += kilobytes << 10
		sum.cpu += cpu
	}
	return sum, nil
}

// parseClock reads [[days-]hours:]minutes:seconds.
func parseClock(s string) (time.Duration, error) {
	days, clock, found := strings.Cut(s, "-")
	if !found {
		days, clock = "0", s
	}
	if strings.Count(clock, ":") == 1 {
		clock = "0:" + clock
	}
	total, err := strconv.ParseFloat(days, 64)
	for i, part := range strings.Split(clock, ":") {
		value, bad := strconv.ParseFloat(part, 64)
		if bad != nil || i > 2 {
			return 0, fmt.Errorf("%q is no processor time", s)
		}
		total = total*[]float64{24, 60, 60}[i] + value
	}
	return time.Duration(total * float64(time.Second)), err
}
