package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/run"
)

// Stage is what a lesson is carried out on. Only the goroutine of the lesson uses it.
type Stage struct {
	// Part is how long each load of the lesson is to last.
	Part time.Duration
	// Batteries are what Inside starts processes with. A lesson may put its own in their
	// place, such as a store that is slow.
	Batteries run.Batteries

	lesson  Lesson
	bare    bareness
	in      run.Invocation
	result  Result
	began   time.Time
	folder  string // removed at the end
	folders int    // within it
	closers []func() error
}

// play carries a lesson out, and leaves nothing behind.
func play(ctx context.Context, l Lesson, in run.Invocation, part time.Duration, b bareness) (Result, error) {
	s := &Stage{Part: part, Batteries: in.Batteries, lesson: l, bare: b, in: in, began: time.Now()}
	s.result = Result{Name: l.Name, Shows: l.Shows, Read: l.Read, Without: b.bare, Part: b.part}
	err := l.Run(ctx, s)
	err = errors.Join(err, s.close())
	if err != nil {
		s.result.Error = err.Error()
	}
	s.result.Seconds = time.Since(s.began).Seconds()
	s.result.settle()
	return s.result, err
}

// close ends what was started, the last first.
func (s *Stage) close() error {
	var errs []error
	for _, c := range slices.Backward(s.closers) {
		errs = append(errs, c())
	}
	if s.folder != "" {
		errs = append(errs, os.RemoveAll(s.folder))
	}
	return errors.Join(errs...)
}

// OnClose has something done at the end of the lesson, however it ends; what was asked for
// last is done first.
func (s *Stage) OnClose(f func() error) { s.closers = append(s.closers, f) }

// App is the app as the command has it.
func (s *Stage) App() kerf.App { return s.in.App }

// Plan is the lesson's plan, without what it is about, or a part of that, if it was asked for so.
func (s *Stage) Plan() string {
	if s.bare.bare {
		return s.lesson.Without(s.bare.part)
	}
	return s.lesson.Plan
}

// Bare tells that the lesson is to do without what it is about, or without a part of that.
func (s *Stage) Bare() bool { return s.bare.bare }

// BareOfAll tells that it is to do without all of that, not without a part alone: what is no line of its plan, it
// leaves out then.
func (s *Stage) BareOfAll() bool { return s.bare.bare && s.bare.part == "" }

// Without is Plan without what the lesson is about, or without one more part of it.
func (s *Stage) Without(part string) string { return Lesson{Plan: s.Plan()}.Without(part) }

// Sayf tells what happens now.
func (s *Stage) Sayf(format string, args ...any) {
	fmt.Fprintf(s.in.Stderr, "%6.1fs  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

// Columns name the numbers of the figures that follow.
func (s *Stage) Columns(names ...string) { s.result.Columns = names }

// Figure tells something that was measured, one number for each column.
func (s *Stage) Figure(name, unit string, values ...float64) {
	s.result.Figures = append(s.result.Figures, Figure{name, unit, values})
}

// Claimf tells whether a statement holds, which is to have the figure and its bound in it.
func (s *Stage) Claimf(holds bool, format string, args ...any) {
	s.result.Claims = append(s.result.Claims, Claim{fmt.Sprintf(format, args...), holds})
}

// Folder makes a new one, which is gone after the lesson.
func (s *Stage) Folder() (string, error) {
	if s.folder == "" {
		folder, err := os.MkdirTemp("", "demo-")
		if err != nil {
			return "", fmt.Errorf("a folder for the lesson: %w", err)
		}
		s.folder = folder
	}
	s.folders++
	sub := filepath.Join(s.folder, strconv.Itoa(s.folders))
	return sub, os.Mkdir(sub, 0o700)
}

// resolve reads the text of a plan for an app; data is its folder.
func (s *Stage) resolve(text string, app kerf.App) (p *plan.Plan, data string, err error) {
	data, err = s.Folder()
	if err != nil {
		return nil, "", err
	}
	file := filepath.Join(data, s.lesson.Name+".yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, "", err
	}
	p, err = plan.Resolve(file, s.Batteries.Model(app))
	return p, data, err
}

const (
	freePort     = "127.0.0.1:0"
	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second
)
