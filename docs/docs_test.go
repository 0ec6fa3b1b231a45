// Package docs runs the commands in the documentation, as a reader would.
package docs

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// step is one command of a console block, and what it should print.
type step struct {
	line    int
	command string
	want    []string
}

func TestTheTutorialDoesWhatItSays(t *testing.T) { //nolint:paralleltest // both need the port 8080
	runDocument(t, "docs/tutorial.md")
}

func TestTheReadmeDoesWhatItSays(t *testing.T) { //nolint:paralleltest // both need the port 8080
	runDocument(t, "README.md")
}

func TestTheGatewaysPageDoesWhatItSays(t *testing.T) { //nolint:paralleltest // it needs the port 8080, too
	if _, err := exec.LookPath("python3"); err != nil {
		missing(t, "the page's server is written in Python: install python3")
	}
	runDocument(t, "docs/gateway/README.md")
}

// runDocument runs a document's console blocks in one shell, in a copy of the
// repository. The two documents share the port 8080, so they take turns.
func runDocument(t *testing.T, file string) {
	t.Helper()
	needPort(t)
	text, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Fatal(err)
	}
	steps := parse(string(text))
	if len(steps) == 0 {
		t.Fatalf("%s has no console block", file)
	}
	sh := newShell(t)
	for _, s := range steps {
		if problem := sh.run(s); problem != "" {
			t.Fatalf("%s:%d: $ %s\n%s", file, s.line, s.command, problem)
		}
	}
}

func needPort(t *testing.T) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:8080")
	if err == nil {
		err = l.Close()
	}
	if err == nil {
		return
	}
	missing(t, "the documents say 127.0.0.1:8080, which something listens on: stop it to run this test")
}

// missing skips a test for want of something, or fails it where all must run.
func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("KERF_TEST_COMPLETE") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func parse(text string) []step {
	var steps []step
	inside := false
	for i, line := range strings.Split(text, "\n") {
		command, isCommand := strings.CutPrefix(line, "$ ")
		more, isMore := strings.CutPrefix(line, "> ")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case !inside:
		case isCommand:
			steps = append(steps, step{line: i + 1, command: command})
		case isMore:
			steps[len(steps)-1].command += "\n" + more
		default:
			steps[len(steps)-1].want = append(steps[len(steps)-1].want, line)
		}
	}
	return steps
}

// pattern makes a regular expression of the lines wanted. A line "..." stands for
// any number of lines, "..." within a line for anything on it.
func (s step) pattern() *regexp.Regexp {
	var pattern strings.Builder
	pattern.WriteString(`^`)
	for _, line := range s.want {
		if line == "..." {
			pattern.WriteString(`(?:.*\n)*?`)
			continue
		}
		line = regexp.QuoteMeta(strings.Join(strings.Fields(line), " "))
		line = strings.ReplaceAll(line, " ", `\s+`)
		pattern.WriteString(`\s*` + strings.ReplaceAll(line, `\.\.\.`, `.*?`) + `\s*\n`)
	}
	return regexp.MustCompile(pattern.String() + `\s*$`)
}

// copyRepository gives the documents' commands a place of their own to write to.
func copyRepository(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "kerf")
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == ".git" {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil // of a linked worktree: SkipDir would skip its neighbours
		}
		target := filepath.Join(to, strings.TrimPrefix(path, ".."))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// shell is a bash that stays for all commands of a document.
type shell struct {
	in     io.Writer
	out    *bufio.Reader
	folder string
	jobs   int
}

// comment is what follows a command on its line.
var comment = regexp.MustCompile(`\s+# .*$`)

const done = "\x1edone"

func newShell(t *testing.T) *shell {
	t.Helper()
	folder := copyRepository(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // past the test, for its cleanup
	cmd := exec.CommandContext(ctx, "bash", "--norc", "-s")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+t.TempDir(), "HISTFILE=")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	context.AfterFunc(ctx, func() { _ = out.Close() }) // jobs may hold the other end
	if err := cmd.Start(); err != nil {
		missing(t, fmt.Sprintf("the documents' commands are for bash: %v", err))
	}
	t.Cleanup(func() {
		// Each job is the leader of a group, which ends with it.
		fmt.Fprintln(in, "for j in $(jobs -p); do kill -- -$j; done 2> /dev/null; wait; exit")
		_ = cmd.Wait() // with the status of the last job
		cancel()
	})
	fmt.Fprintln(in, "exec 2>&1; set -m")
	return &shell{in: in, out: bufio.NewReader(out), folder: folder}
}

// run carries out one step, and tells what went otherwise than the document says.
func (s *shell) run(step step) string {
	if command, ok := strings.CutSuffix(comment.ReplaceAllString(step.command, ""), " &"); ok {
		return s.background(step, command)
	}
	command := step.command
	if job, ok := strings.CutPrefix(command, "kill %"); ok {
		command += "; wait %" + job + " 2> /dev/null" // a reader would see it end
	}
	fmt.Fprintf(s.in, "{ %s\n} < /dev/null\necho '%s'\n", command, done)
	var got strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		before, _, ended := strings.Cut(line, done) // the output may end without a newline
		got.WriteString(before)
		if ended {
			break
		}
		if err != nil {
			return fmt.Sprintf("the shell ended: %v after %q", err, got.String())
		}
	}
	if !step.pattern().MatchString(got.String() + "\n") {
		return fmt.Sprintf("printed:\n%s\nwant:\n%s", got.String(), strings.Join(step.want, "\n"))
	}
	return ""
}

// background starts a job, and waits until it has printed what it should.
func (s *shell) background(step step, command string) string {
	s.jobs++
	file := filepath.Join(s.folder, fmt.Sprintf("job%d.out", s.jobs))
	fmt.Fprintf(s.in, "%s < /dev/null > %s 2>&1 &\n", command, file)
	deadline := time.Now().Add(2 * time.Minute)
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for ; ; <-poll.C {
		got, _ := os.ReadFile(file) // it comes with the job
		if step.pattern().Match(got) {
			return ""
		}
		if time.Now().After(deadline) {
			return fmt.Sprintf("printed:\n%s\nwant:\n%s", got, strings.Join(step.want, "\n"))
		}
	}
}
