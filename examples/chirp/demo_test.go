package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/demo"
	"github.com/kerf-go/kerf/examples/chirp/lessons"
)

// taken is what becomes of a lesson's claims without what it is about, or without a part of that.
type taken struct {
	part  string // empty: all
	fails says   // what claims say that must fail,
	holds says   // and what some say that must hold all the same
}

type says []string

// ofLessons is how long the loads of each lesson last here, in seconds, and what is taken away.
var ofLessons = map[string]struct {
	seconds string
	without []taken
}{
	"breaker":   {"1", []taken{{"", says{"calls are refused, half of them within"}, says{"are answered from"}}}},
	"deadline":  {"1", []taken{{"", says{"is for pages that nobody waits for"}, nil}}},
	"bulkhead":  {"1", []taken{{"", says{"other pages fail while follows hangs"}, says{"all are answered from"}}}},
	"hedge":     {"1", []taken{{"", says{"with them up to"}, says{"calls fail (none)"}}}},
	"fallback":  {"1", []taken{{"", says{"are answered while follows is down"}, says{"before and after"}}}},
	"ratelimit": {"1", []taken{{"", says{"wait for a worker"}, nil}}},
	"panic":     {"1", []taken{{"", says{"the process lives on", "others fail (none)"}, says{"without a barrier"}}}},
	"upstream":  {"1", []taken{{"", says{"with 503", "are refused"}, says{"are answered (all)"}}}},
	"retrystorm": {"1", []taken{
		{"", says{"each call is tried", "the callee can do"}, says{"before it"}},
		{"admission", says{"the callee can do"}, says{"each call is tried"}},
		{"budget", says{"each call is tried"}, says{"the callee can do"}},
	}},
	"replica-killed": {"2", []taken{
		{"retry", says{"pages fail (none)"}, nil},
		{"replicas", says{"pages fail (none)"}, nil},
	}},
	"rolling": {"1", []taken{
		{"", says{"requests fail meanwhile", "log-ins fail"}, says{"are replaced"}},
		{"drain", says{"log-ins fail"}, says{"are replaced"}},
	}},
	"notify-down": {"1", []taken{{"", says{"is told of each"}, says{"posts fail (none)"}}}},
	"loginstorm":  {"1", []taken{{"", says{"MiB more", "other pages take"}, nil}}},
	"slow-database": {"2", []taken{
		{"wait", says{"calls are refused"}, says{"the slowest call"}},
		{"deadline", says{"the slowest call"}, says{"calls are refused"}},
	}},
}

// alone are the lessons that do not run beside themselves without their policy, since that is what bounds the
// use of the processors.
var alone = map[string]bool{"loginstorm": true}

// TestEachLessonHoldsAndNeedsItsPolicy carries the lessons out as a reader would, for a shorter time. They
// measure, so they take turns, and no other test runs meanwhile; but most run beside themselves without their policy.
func TestEachLessonHoldsAndNeedsItsPolicy(t *testing.T) { //nolint:paralleltest // see above
	for _, l := range lessons.All() {
		t.Run(l.Name, func(t *testing.T) {
			of := ofLessons[l.Name]
			if len(of.without) == 0 {
				t.Fatal("nothing is taken away")
			}
			t.Run("holds", func(t *testing.T) {
				if !alone[l.Name] {
					t.Parallel()
				}
				r := lesson(t, l.Name, "--seconds", of.seconds)
				if !r.Holds {
					t.Errorf("it does not: %+v", r.Claims)
				}
				for _, without := range of.without {
					check(t, r, without.fails, true)
				}
			})
			for _, without := range of.without {
				t.Run("fails without "+cmp.Or(without.part, "what it is about"), func(t *testing.T) {
					if !alone[l.Name] {
						t.Parallel()
					}
					r := lesson(t, l.Name, "--seconds", of.seconds, strings.TrimSuffix("--without="+without.part, "="))
					if r.Error != "" {
						t.Error(r.Error)
					}
					check(t, r, without.fails, false)
					check(t, r, without.holds, true)
				})
			}
		})
	}
}

// check tells of claims that do not hold, or do, although they should.
func check(t *testing.T, r demo.Result, claims says, holds bool) {
	t.Helper()
	for _, text := range claims {
		made := slices.DeleteFunc(slices.Clone(r.Claims), func(c demo.Claim) bool {
			return !strings.Contains(c.Text, text)
		})
		if len(made) != 1 || made[0].Holds != holds {
			t.Errorf("%q is to be claimed once, and to hold: %v; it claims %+v", text, holds, r.Claims)
		}
	}
}

// lesson carries one out, which tells by its status whether it held.
func lesson(t *testing.T, name string, args ...string) demo.Result {
	t.Helper()
	var progress strings.Builder
	c := command(t.Context(), t, nil, append([]string{"demo", "--json", name}, args...)...)
	c.Stderr = &progress
	out, err := c.Output()
	var told struct {
		Lessons []demo.Result `json:"lessons"`
	}
	if err := json.Unmarshal(out, &told); err != nil || len(told.Lessons) != 1 {
		t.Fatalf("%v: %s\n%s", err, out, &progress)
	}
	r := told.Lessons[0]
	var ended *exec.ExitError
	if failed := errors.As(err, &ended); failed == r.Holds {
		t.Errorf("holds: %v, and it ended with %v", r.Holds, err)
	}
	t.Logf("%s\n%s", out, &progress)
	return r
}

// An interrupted lesson leaves neither processes nor files.
func TestAnInterruptedLessonLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := command(t.Context(), t, []string{"TMPDIR=" + folder}, "demo", "rolling", "--seconds", "60")
	progress, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(progress)
	for lines.Scan() && !strings.Contains(lines.Text(), "people make") {
		t.Log(lines.Text())
	}
	if len(processesWith(t, folder)) != 5 {
		t.Errorf("it runs %v", processesWith(t, folder))
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	for lines.Scan() {
		t.Log(lines.Text())
	}
	if err := c.Wait(); err == nil || c.ProcessState.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
	if left := processesWith(t, folder); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// processesWith finds those with a word on their command lines.
func processesWith(t *testing.T, word string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ps", "-A", "-o", "args=").Output()
	if err != nil {
		t.Fatalf("ps: %v", err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, word) {
			found = append(found, line)
		}
	}
	return found
}

func TestTheREADMEHasEachLesson(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lessons.All() {
		for _, want := range []string{"`go run ./examples/chirp demo " + l.Name + "`", l.Read, l.Name + ".yaml"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("it lacks %s", want)
			}
		}
	}
}

// rows are those of the README's table of patterns: the page, and the command that is carried out.
var rows = regexp.MustCompile("(?m)^\\| \\[[^]]+\\]\\(docs/patterns/([a-z-]+\\.md)\\) \\| `([^`]+)` \\|")

func TestEachPatternHasACommand(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string][]string{}
	for _, row := range rows.FindAllStringSubmatch(string(text), -1) {
		commands[row[1]] = append(commands[row[1]], row[2])
	}
	pages, err := filepath.Glob("../../docs/patterns/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		name := filepath.Base(page)
		if name == "README.md" {
			continue
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if len(commands[name]) == 0 {
			t.Errorf("the README has no row for %s", name)
		}
		for _, command := range commands[name] {
			if !strings.Contains(string(text), "\n    "+command) {
				t.Errorf("%s does not say %s", name, command)
			}
		}
	}
}
