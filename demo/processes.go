package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/run"
)

// Processes are the processes of a plan as real ones, each a run of this program. They can
// be killed, restarted and replaced.
type Processes struct {
	*fleet.Fleet

	stage *Stage
	// Data is the folder with their stores.
	Data string
}

// Processes starts the app by the text of a plan, as the lesson's App has it. It runs until
// the end of the lesson.
func (s *Stage) Processes(ctx context.Context, text string) (*Processes, error) {
	p, data, err := s.resolve(text, s.App())
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program to start its processes: %w", err)
	}
	program := []string{self}
	if s.lesson.App != nil {
		program = append(program, "demo", "--app", s.lesson.Name, fmt.Sprintf("--without=%v", s.bare.bare), "--")
	}
	f, err := run.NewFleet(p, run.FleetOptions{
		Program: program, Data: data, Web: freePort, LogFormat: "json", LogLevel: "error",
	})
	if err != nil {
		return nil, err
	}
	s.Sayf("starts %d processes by a plan", len(f.Status()))
	life, stop := context.WithCancel(context.WithoutCancel(ctx)) // it is drained after all else
	ended := make(chan error, 1)
	go func() { ended <- f.Run(life) }()
	s.OnClose(func() error {
		stop()
		return <-ended
	})
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	select {
	case err := <-ended:
		ended <- nil // told here
		return nil, fmt.Errorf("start: %w", errors.Join(err, ctx.Err()))
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, fmt.Errorf("the processes are not ready after %v", startTimeout)
	case <-f.Ready():
	}
	return &Processes{f, s, data}, nil
}

// Site is the URL of the app's web pages, which changes when their process is replaced; "":
// there is none.
func (p *Processes) Site() string {
	for _, s := range p.Status() {
		if s.Web != "" {
			return s.Web
		}
	}
	return ""
}

// Of gives the first replica of a process.
func (p *Processes) Of(process string) fleet.Status {
	all := p.Status()
	i := slices.IndexFunc(all, func(s fleet.Status) bool { return s.Process == process })
	if i < 0 {
		return fleet.Status{}
	}
	return all[i]
}

// Dial makes a conn to a process from outside the app: without deadlines or policies.
func (p *Processes) Dial(process string) (link.Conn, error) {
	urls := strings.Fields(p.Of(process).Address)
	if len(urls) == 0 {
		return nil, fmt.Errorf("process %s has no address", process)
	}
	conn, err := p.stage.in.Batteries.Dial(urls[0], link.DialOptions{})
	if err != nil {
		return nil, err
	}
	p.stage.OnClose(conn.Close)
	return conn, nil
}
