package run_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/internal/porttest"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/run"
)

// program is this binary as the test app.
type program struct {
	*exec.Cmd

	out, errs buffer
	done      chan error
}

// startProgram runs the usual test app as a process, until the test ends.
func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	return startApp(t, "pair", args...)
}

func startApp(t *testing.T, app string, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.CommandContext(t.Context(), os.Args[0], args...), done: make(chan error, 1)}
	p.Env = append(os.Environ(), appEnv+"="+app)
	p.Stdout, p.Stderr = &p.out, &p.errs
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.Wait() }()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("%q:\n%s%s", args, &p.out, &p.errs)
		}
	})
	return p
}

// end waits for the end of a program.
func (p *program) end(t *testing.T) error {
	t.Helper()
	err := await(t, "the end of the program", p.done)
	p.done <- err
	return err
}

func TestProcessesWithFixedAddressesNeedNoFleet(t *testing.T) {
	t.Parallel()
	front, back := porttest.Free(t), porttest.Free(t)
	file := planFile(t, fmt.Sprintf("version: 1\napp: pair\nprocesses:\n"+
		"  front: {services: [front], listen: http://%s}\n"+
		"  back: {services: [back], listen: http://%s, reach: http://localhost:%s}\n",
		front, back, back[strings.LastIndexByte(back, ':')+1:]))
	data := t.TempDir()
	one := startProgram(t, "run", "--plan", file, "--process", "front", "--data", data)
	conn, err := kit.Dial("http://"+front, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	poll(t, "front answers", func() bool {
		_, err = askFront(t.Context(), conn, "")
		return link.Ran(err) == link.Answered
	})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("without back, front answers %v", err)
	}
	two := startProgram(t, "run", "--plan", file, "--process", "back", "--data", data)
	var got string
	poll(t, "back answers", func() bool { got, err = askFront(t.Context(), conn, "there"); return err == nil })
	if got != "there" {
		t.Errorf("%q", got)
	}
	for _, p := range []*program{one, two} {
		poll(t, "its log tells where it is", func() bool {
			text := p.errs.String()
			return strings.Contains(text, `"msg":"ready"`) && strings.Contains(text, `"listening":["http://`) &&
				strings.Contains(text, `"admin":"http://127.0.0.1:`)
		})
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := p.end(t); err != nil {
			t.Errorf("a drained process ends with %v", err)
		}
	}
}

func TestAPlanOfSeveralProcessesRunsAsAFleet(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := startProgram(t, "run", "--plan", planFile(t, apart), "--data", data)
	poll(t, "it is announced", func() bool { return strings.Contains(p.out.String(), "  data  ") })
	if got := p.out.String(); !strings.Contains(got, "pair runs as 2 processes by ") {
		t.Errorf("it says\n%s", got)
	}
	table, err := command(t, pair(nil, nil), "status", "--data", data)
	if err != nil || strings.Count(table, "ready") != 2 || strings.Count(table, "http://127.0.0.1:") != 2 {
		t.Errorf("%v\n%s", err, table)
	}
	second := startProgram(t, "run", "--plan", planFile(t, apart), "--data", data)
	if err := second.end(t); err == nil || !strings.Contains(second.errs.String(), "already running") {
		t.Errorf("a second start with the same data: %v\n%s", err, &second.errs)
	}
	_, row, _ := strings.Cut(table, "\nfront")
	_, row, _ = strings.Cut(row, "http://")
	address, _, _ := strings.Cut(row, " ")
	address = "http://" + address
	conn, err := kit.Dial(address, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got, err := askFront(t.Context(), conn, "through both"); err != nil || got != "through both" {
		t.Errorf("at %s: %q, %v", address, got, err)
	}
	text, err := command(t, pair(nil, nil), "status", "--data", data, "--json")
	if want := `"caller": "front",
          "callee": "back",
          "policy": "breaker",
          "state": "closed"`; err != nil || !strings.Contains(text, want) {
		t.Errorf("status, %v, does not tell what the policies are about:\n%s", err, text)
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.end(t); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

func TestAProcessRunsItsOwnCommand(t *testing.T) {
	t.Parallel()
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.Symlink(self, filepath.Join(folder, "back")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "plan.yaml")
	text := "version: 1\napp: pair\nlink: http\nprocesses:\n  front: {services: [front], link: http}\n" +
		"  back: {services: [back], command: [./back]}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	shown, err := command(t, pair(nil, nil), "plan", "--plan", file)
	if err != nil || !strings.Contains(shown, "./back") {
		t.Errorf("plan shows, %v:\n%s", err, shown)
	}
	data := t.TempDir()
	p := startProgram(t, "run", "--plan", file, "--data", data)
	poll(t, "it is announced", func() bool { return strings.Contains(p.out.String(), "  data  ") })
	report, err := fleet.ReadStatus(t.Context(), filepath.Join(data, "status.json"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := kit.Dial(report.Processes[0].Address, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got, err := askFront(t.Context(), conn, "through both"); err != nil || got != "through both" {
		t.Errorf("%q, %v", got, err)
	}
	for _, s := range report.Processes {
		shown, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", s.PID))
		if err == nil && strings.HasPrefix(string(shown), "./back\x00run\x00") != (s.Process == "back") {
			t.Errorf("%s was started as %q", s.Process, shown)
		}
	}
}

func TestAFleetTellsWhyAProcessCannotStart(t *testing.T) {
	t.Parallel()
	taken := takenPort(t)
	text := "version: 1\napp: pair\nprocesses: {front: {services: [front], link: http}, " +
		"back: {services: [back], listen: http://" + taken + "}}\n"
	p := startProgram(t, "run", "--plan", planFile(t, text), "--data", t.TempDir())
	err := p.end(t)
	if err == nil {
		t.Error("it has run")
	}
	last := p.errs.String()
	last = last[strings.LastIndex(strings.TrimSpace(last), "\npair: ")+1:]
	for _, want := range []string{"process back", taken, "stop it, or choose another port"} {
		if !strings.Contains(last, want) {
			t.Errorf("the last words are\n%s\nwithout %q", last, want)
		}
	}
}

func TestAFleetStopsWhileAProcessWaitsForItsStore(t *testing.T) {
	t.Parallel()
	data, file := t.TempDir(), planFile(t, apart+"store: {migrate: false}\n")
	p := startApp(t, "storing", "run", "--plan", file, "--data", data)
	waits := "will not be ready before its store is"
	poll(t, "it waits", func() bool { return strings.Contains(p.errs.String(), waits) })
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.end(t); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

func TestAFleetDrainsForAsLongAsThePlanSays(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{"drain: 77s\n": "1m17s", "drain: off\n": "20s", "": "20s"} {
		t.Run(said, func(t *testing.T) {
			t.Parallel()
			var out buffer
			f, err := run.NewFleet(parse(t, pair(nil, nil), apart+said), run.FleetOptions{
				Program: []string{os.Args[0]}, Env: []string{boundEnv + "=1"}, Data: t.TempDir(), Stdout: &out,
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_ = f.Run(ctx) // they are never ready
			}()
			poll(t, "it says "+want, func() bool { return strings.Contains(out.String(), "may drain for "+want+"\n") })
			cancel()
			await(t, "the end of the fleet", ended)
		})
	}
}

func TestTheProcessOfAnEmbeddedBrokerIsNotReplaced(t *testing.T) {
	t.Parallel()
	for process, text := range map[string]string{"broker": queued, "all": alone} {
		f, err := run.NewFleet(parse(t, pair(nil, nil), text), run.FleetOptions{
			Program: []string{os.Args[0]}, Data: t.TempDir(),
		})
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, f.Replace(t.Context(), process), "replace process "+process+": ", "embedded broker",
			"name it in the plan (broker: nats://host:4222)")
	}
}
