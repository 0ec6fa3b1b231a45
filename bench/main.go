package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	rounds int
	turn   time.Duration
	only   string
	date   string
	out    string
	check  bool
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&s.rounds, "rounds", 60, "rounds to measure")
	flags.DurationVar(&s.turn, "turn", 100*time.Millisecond, "length of one subject's turn in a round")
	flags.StringVar(&s.only, "only", "", "measure only grpc-go and what matches this regular expression")
	flags.StringVar(&s.date, "date", "an unknown day", "the day, for the page")
	flags.StringVar(&s.out, "out", "", "write the page to this file")
	flags.BoolVar(&s.check, "check", false, "fail when a bar is missed")
	return s, flags.Parse(args)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	broker, err := startBroker(ctx)
	if err != nil {
		return err
	}
	chosen, err := choose(subjects(broker), s.only)
	if err != nil {
		return err
	}
	pairs, err := choose(chains(broker), s.only)
	if err != nil {
		return err
	}
	r, err := newRunner(ctx, chosen)
	if err != nil {
		return err
	}
	c, err := newRunner(ctx, pairs)
	if err != nil {
		return err
	}
	for _, r := range []*runner{r, c} {
		r.rounds, r.length, r.progress = s.rounds, s.turn, stderr
	}
	result, err := r.report(ctx, s.date, c)
	if err != nil {
		return err
	}
	result.print(stdout)
	if s.out != "" {
		if err := write(s.out, result); err != nil {
			return err
		}
	}
	if s.check && slices.ContainsFunc(result.Verdicts, func(v verdict) bool { return !v.Holds() }) {
		return errors.New("a bar was missed")
	}
	return nil
}

// choose keeps the oracle and what matches.
func choose(all []subject, only string) ([]subject, error) {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return nil, fmt.Errorf("--only: %w", err)
	}
	return slices.DeleteFunc(all, func(s subject) bool { return s.name != oracle && !pattern.MatchString(s.name) }), nil
}

// report measures in each way there is; chains from one caller alone.
func (r *runner) report(ctx context.Context, date string, chains *runner) (report, error) {
	result := report{Machine: thisMachine(), Date: date, Rounds: r.rounds, Turn: r.length, Payload: payload}
	var all []measurement
	for _, callers := range []int{1, many} {
		m, err := r.measure(ctx, callers)
		if err != nil {
			return report{}, err
		}
		all = append(all, m)
		result.Tables = append(result.Tables, tableOf(m))
	}
	m, err := chains.groups(ctx)
	if err != nil {
		return report{}, err
	}
	all = append(all, m)
	result.Chains = chainRows(m)
	result.Verdicts = judge(bars(), all)
	return result, nil
}

func write(file string, r report) error {
	var text bytes.Buffer
	if err := r.markdown(&text); err != nil {
		return err
	}
	return os.WriteFile(file, text.Bytes(), 0o644) //nolint:gosec // a page for everybody
}
