package kit_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/kit"
)

// appEnv makes this binary an app; its value says how that drains.
const appEnv = "KIT_TEST_APP"

func TestMain(m *testing.M) {
	if how := os.Getenv(appEnv); how != "" {
		kit.Main(draining(how))
		return
	}
	os.Exit(m.Run())
}

// draining is an app whose drain is quick, stuck or failing.
func draining(how string) kerf.App {
	return kerf.App{Name: "app", Services: []kerf.Service{{
		Name: "only", New: func(_ context.Context, h *kerf.Host) error {
			h.OnStop(func(context.Context) error {
				_, _ = io.WriteString(os.Stdout, "draining\n")
				switch how {
				case "stuck":
					select {} // whoever asks twice means it
				case "failing":
					return errors.New("the last page is not written")
				}
				return nil
			})
			return nil
		},
	}}}
}

// started is the app as a process that has announced itself.
func started(t *testing.T, how string) (*exec.Cmd, *bufio.Reader, *strings.Builder) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // bounds what hangs
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], "run", "--data", t.TempDir(), "--web", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), appEnv+"="+how)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs := &strings.Builder{}
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewReader(out)
	waitFor(t, lines, "  data  ")
	return cmd, lines, errs
}

// waitFor reads until a line begins so.
func waitFor(t *testing.T, lines *bufio.Reader, start string) {
	t.Helper()
	for {
		line, err := lines.ReadString('\n')
		if strings.HasPrefix(line, start) {
			return
		}
		if err != nil {
			t.Fatalf("no line %q: %v", start, err)
		}
	}
}

func TestASignalDrainsAndAllIsWell(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		cmd, lines, errs := started(t, "quick")
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		waitFor(t, lines, "draining")
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v\n%s", signal, err, errs)
		}
	}
}

func TestAFailedDrainIsToldWithStatusOne(t *testing.T) {
	t.Parallel()
	cmd, lines, errs := started(t, "failing")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitFor(t, lines, "draining")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("the exit status is %d", code)
	}
	if want := "app: service only: stop: the last page is not written\n"; !strings.HasSuffix(errs.String(), want) {
		t.Errorf("it says\n%swithout\n%s", errs, want)
	}
}

func TestASecondSignalKills(t *testing.T) {
	t.Parallel()
	cmd, lines, _ := started(t, "stuck")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitFor(t, lines, "draining")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended as %v", cmd.ProcessState)
	}
}

func TestStatusCodes(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct {
		code int
		errs string
	}{
		"version":    {0, ""},
		"--help":     {0, ""},
		"plan":       {0, ""},
		"dance":      {1, "app: there is no command \"dance\"; see \"app --help\"\n"},
		"run --data": {1, "app: flag needs an argument: --data; see \"app run --help\"\n"},
		"run --plan x": {1, "app: read the plan: stat x: no such file or directory; " +
			"name a plan file that is there and may be read\n"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], strings.Fields(line)...)
			cmd.Env = append(os.Environ(), appEnv+"=quick")
			var errs strings.Builder
			cmd.Stderr = &errs
			_ = cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != want.code || errs.String() != want.errs {
				t.Errorf("status %d and %q; want %d and %q", code, errs.String(), want.code, want.errs)
			}
		})
	}
}
