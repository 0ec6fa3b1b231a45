package compare

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kerf-go/kerf/run"
)

// usualSeconds let a handful of plans be compared in a minute or two.
const usualSeconds = 4

// Command is "compare" for an app with a workload.
func Command(w Workload) run.Command {
	return run.Command{
		Name: "compare", Short: "Measure the plans beside each other", Args: "[PLAN ...]",
		Examples: []string{"compare", "compare --json plans/http.yaml"},
		New: func(flags *flag.FlagSet) func(context.Context, run.Invocation) error {
			seconds := flags.Float64("seconds", usualSeconds, "how long each of the two loads lasts")
			seed := flags.Uint64("seed", 1, "what people do is drawn from it")
			passes := flags.Int("passes", 1, "how often all are measured in turn; the median of each number counts")
			asJSON := flags.Bool("json", false, "print JSON")
			into := flags.String("into", "", "also write the table into a `PAGE`, between its two marks")
			return func(ctx context.Context, in run.Invocation) error {
				s := settings{
					seed: *seed, passes: max(*passes, 1), length: time.Duration(*seconds * float64(time.Second)),
				}
				if s.length <= 0 {
					return fmt.Errorf("--seconds %v: loads must last for a while, such as %d", *seconds, usualSeconds)
				}
				result, err := s.compare(ctx, w, in)
				if len(result.Plans) == 0 {
					return err
				}
				return errors.Join(err, result.tell(in.Stdout, *asJSON, *into))
			}
		},
	}
}

func (r Result) tell(w io.Writer, asJSON bool, into string) error {
	if into != "" {
		if err := r.into(into); err != nil {
			return err
		}
	}
	if asJSON {
		return r.JSON(w)
	}
	return r.Table(w)
}

// compare measures one subject after the other. One that fails is an error, and its
// row says why; the others are measured all the same.
func (s settings) compare(ctx context.Context, w Workload, in run.Invocation) (Result, error) {
	subjects, err := choose(w, in)
	if err != nil {
		return Result{}, err
	}
	r := Result{
		App: in.App.Name, Date: time.Now().Format(time.DateOnly), Machine: Machine(),
		Seed: s.seed, Seconds: s.length.Seconds(), Passes: s.passes,
	}
	rows := make([][]Row, len(subjects)) // of each subject, one of each pass
	var errs []error
	all := s.passes * len(subjects)
	for n := range all {
		i := n % len(subjects)
		sub := subjects[i]
		s.progress = func(format string, args ...any) {
			fmt.Fprintf(in.Stderr, "%d/%d %s: %s\n", n+1, all, sub.name, fmt.Sprintf(format, args...))
		}
		row, err := s.measure(ctx, w, sub)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if err != nil {
			row = Row{Name: sub.name, Plan: sub.plan, Error: err.Error()}
			errs = append(errs, fmt.Errorf("%s: %w", sub.name, err))
		}
		rows[i] = append(rows[i], row)
	}
	for _, of := range rows {
		r.Plans = append(r.Plans, medians(of))
	}
	return r, errors.Join(errs...)
}

// choose gives the programs and plans that are named, or all.
func choose(w Workload, in run.Invocation) ([]subject, error) {
	var subjects []subject
	plans := in.Args
	if len(plans) == 0 {
		var err error
		if plans, err = w.find(); err != nil {
			return nil, err
		}
	}
	for _, p := range w.Programs {
		at := slices.Index(plans, p.Name)
		if at >= 0 {
			plans = slices.Delete(slices.Clone(plans), at, at+1)
		}
		if at >= 0 || len(in.Args) == 0 {
			subjects = append(subjects, made(p))
		}
	}
	for _, file := range plans {
		subjects = append(subjects, planned(file, in))
	}
	return subjects, nil
}

// find gives the plans' files.
func (w Workload) find() ([]string, error) {
	folders := w.Folders
	if len(folders) == 0 {
		folders = []string{"."}
	}
	for _, folder := range folders {
		files := make([]string, len(w.Plans))
		for i, plan := range w.Plans {
			files[i] = filepath.Join(folder, plan)
		}
		if len(files) == 0 {
			return nil, nil
		}
		if _, err := os.Stat(files[0]); err == nil {
			return files, nil
		}
	}
	return nil, fmt.Errorf("there is no %s in any of %q: name the files of the plans to compare", w.Plans[0], folders)
}
