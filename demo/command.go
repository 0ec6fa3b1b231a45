package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kerf-go/kerf/run"
)

// usualSeconds let a lesson take a minute at most.
const usualSeconds = 10

// Command is "demo" for an app with lessons.
func Command(lessons ...Lesson) run.Command {
	return run.Command{
		Name: "demo", Short: "Show how things fail and recover, in lessons of a minute", Args: "[LESSON ...]",
		Examples: examples(lessons),
		New: func(flags *flag.FlagSet) func(context.Context, run.Invocation) error {
			seconds := flags.Float64("seconds", usualSeconds, "how long each load lasts")
			asJSON := flags.Bool("json", false, "print JSON")
			as := flags.String("app", "", "carry out a command of the app with the faults of `LESSON`")
			var b bareness
			flags.BoolFunc("without",
				"take away what the lesson is about, or by --without=PART a part of it: its claim must fail", b.parse)
			return func(ctx context.Context, in run.Invocation) error {
				if *as != "" {
					return inApp(ctx, lessons, *as, b, in)
				}
				part := time.Duration(*seconds * float64(time.Second))
				if part <= 0 {
					return fmt.Errorf("--seconds %v: loads must last for a while, such as %d", *seconds, usualSeconds)
				}
				chosen, err := choose(lessons, in.Args)
				if err != nil {
					return err
				}
				for _, l := range chosen {
					if err := l.check(b.part); err != nil {
						return err
					}
				}
				if len(in.Args) == 0 && !*asJSON {
					list(in.Stdout, lessons)
				}
				return playAll(ctx, chosen, in, part, b, *asJSON)
			}
		},
	}
}

func examples(lessons []Lesson) []string {
	if len(lessons) == 0 {
		return nil
	}
	return []string{"demo", "demo " + lessons[0].Name, "demo --json " + lessons[0].Name}
}

// choose gives the lessons that are named, or all.
func choose(lessons []Lesson, names []string) ([]Lesson, error) {
	if len(names) == 0 {
		return lessons, nil
	}
	var chosen []Lesson
	for _, name := range names {
		i := slices.IndexFunc(lessons, func(l Lesson) bool { return l.Name == name })
		if i < 0 {
			all := make([]string, len(lessons))
			for i, l := range lessons {
				all[i] = l.Name
			}
			return nil, fmt.Errorf("there is no lesson %q: choose from %s", name, strings.Join(all, ", "))
		}
		chosen = append(chosen, lessons[i])
	}
	return chosen, nil
}

// inApp carries out a command of the app as the processes of a lesson have it.
func inApp(ctx context.Context, lessons []Lesson, name string, b bareness, in run.Invocation) error {
	chosen, err := choose(lessons, []string{name})
	if err != nil {
		return err
	}
	if change := chosen[0].App; change != nil {
		in.App = change(in.App, b.bare)
	}
	return run.Exec(ctx, in.App, in.Batteries, in.Args, in.Stdout, in.Stderr)
}

func list(to io.Writer, lessons []Lesson) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, l := range lessons {
		fmt.Fprintf(w, "%s\t%s\n", l.Name, l.Shows)
	}
	w.Flush()
	fmt.Fprintln(to)
}

// report is what --json prints.
type report struct {
	Lessons []Result `json:"lessons"`
}

func (r report) json(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// playAll carries out one lesson after the other. One that fails is an error; the others
// are carried out all the same.
func playAll(
	ctx context.Context, lessons []Lesson, in run.Invocation, part time.Duration, b bareness, asJSON bool,
) error {
	var errs []error
	results := make([]Result, 0, len(lessons))
	for _, l := range lessons {
		fmt.Fprintf(in.Stderr, "%s: %s\n", l.Name, l.Shows)
		r, err := play(ctx, l, in, part, b)
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", l.Name, cmp.Or(err, ctx.Err()))
		}
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", l.Name, err))
		case !r.Holds:
			errs = append(errs, fmt.Errorf("%s: what it claims does not hold", l.Name))
		}
		if !asJSON && err == nil {
			r.tell(in.Stdout)
		}
		results = append(results, r)
	}
	if asJSON {
		errs = append(errs, report{results}.json(in.Stdout))
	}
	return errors.Join(errs...)
}
