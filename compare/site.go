package compare

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/run"
)

// site is a subject that runs.
type site struct {
	url   string
	pids  func() ([]int, error) // of all its processes; an error if one was lost
	close func() error
}

// subject is one row to measure.
type subject struct {
	name, plan string
	start      func(ctx context.Context, dir string) (*site, error)
}

const freePort = "127.0.0.1:0"

// planned runs the processes of a plan. Each is a run of this very program.
func planned(file string, in run.Invocation) subject {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	return subject{name: name, plan: file, start: func(ctx context.Context, dir string) (*site, error) {
		p, err := plan.Resolve(file, in.Batteries.Model(in.App))
		if err != nil {
			return nil, err
		}
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program to start its processes: %w", err)
		}
		f, err := run.NewFleet(p, run.FleetOptions{
			Program: []string{self}, Data: dir, Web: freePort, LogFormat: "json", LogLevel: "error",
		})
		if err != nil {
			return nil, err
		}
		return startFleet(ctx, f)
	}}
}

func startFleet(ctx context.Context, f *fleet.Fleet) (*site, error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	s := &site{
		pids: func() ([]int, error) { return pidsOf(f) },
		close: func() error {
			cancel()
			return <-ended
		},
	}
	select {
	case err := <-ended:
		cancel()
		return nil, err
	case <-f.Ready():
	}
	for _, status := range f.Status() {
		if status.Web != "" {
			s.url = status.Web
			return s, nil
		}
	}
	return nil, errors.Join(errors.New("no process of the plan serves web pages"), s.close())
}

func pidsOf(f *fleet.Fleet) ([]int, error) {
	var pids []int
	for _, status := range f.Status() {
		if status.Restarts > 0 || status.PID == 0 {
			return nil, fmt.Errorf("process %s died meanwhile", status.Process)
		}
		pids = append(pids, status.PID)
	}
	return pids, nil
}

// made runs a program that is not the app's.
func made(p Program) subject {
	return subject{name: p.Name, start: func(ctx context.Context, dir string) (*site, error) {
		command, err := p.Command(ctx, dir)
		if err != nil {
			return nil, err
		}
		command = append(command, "--data", filepath.Join(dir, "data"), "--web", freePort)
		return startProgram(ctx, command)
	}}
}

// startTimeout is how long a program may take until it serves.
const startTimeout = 30 * time.Second

func startProgram(ctx context.Context, command []string) (*site, error) {
	ctx, kill := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the app names it
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = startTimeout
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		kill()
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	url, read := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(read)
		findSite(out, url)
	}()
	s := &site{
		pids: func() ([]int, error) { return []int{cmd.Process.Pid}, nil },
		close: func() error {
			kill()
			<-read
			if err := cmd.Wait(); err != nil && !errors.Is(err, context.Canceled) {
				return fmt.Errorf("%s: %w", command[0], err)
			}
			return nil
		},
	}
	select {
	case s.url = <-url:
		return s, nil
	case <-read:
	case <-time.After(startTimeout): //nolint:forbidigo // once for each program
	}
	err = s.close()
	return nil, errors.Join(fmt.Errorf("%s told no site: %s", command[0], complaints.String()), err)
}

// findSite reads a program's output to its end, and tells the URL in it.
func findSite(out io.Reader, url chan<- string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); len(words) == 2 && words[0] == "site" {
			select {
			case url <- words[1]:
			default: // told already
			}
		}
	}
}
