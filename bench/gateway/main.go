package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench/gateway:", err)
		os.Exit(1)
	}
}

type settings struct {
	rounds  int
	turn    time.Duration
	latency time.Duration
	only    string
	out     string
	date    string
	check   bool
}

func run(args []string) error {
	if len(args) > 1 && args[0] == "serve" {
		upstream := ""
		if len(args) > 2 { //nolint:mnd // serve NAME UPSTREAM
			upstream = args[2]
		}
		return serve(args[1], upstream)
	}
	var s settings
	flags := flag.NewFlagSet("gateway", flag.ContinueOnError)
	flags.IntVar(&s.rounds, "rounds", 30, "rounds to measure")
	flags.DurationVar(&s.turn, "turn", 300*time.Millisecond, "length of one subject's turn in a round")
	flags.DurationVar(&s.latency, "latency", 5*time.Second, "length of each measurement of latency")
	flags.StringVar(&s.only, "only", "", "measure only what matches this regular expression")
	flags.StringVar(&s.out, "out", "", "write the page to this file")
	flags.StringVar(&s.date, "date", "an unknown day", "the day, for the page")
	flags.BoolVar(&s.check, "check", false, "fail when a bar is missed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if os.Getenv(pinned) == "" {
		return pinTo(clientCore, args)
	}
	return measure(s)
}

// Which core has what.
const (
	subjectCore = "0"
	clientCore  = "1"
	pinned      = "KERF_BENCH_PINNED"
)

// pinTo becomes this program on one core.
func pinTo(core string, args []string) error {
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return fmt.Errorf("install util-linux: %w", err)
	}
	argv := append([]string{"taskset", "-c", core, os.Args[0]}, args...)
	return syscall.Exec(taskset, argv, append(os.Environ(), pinned+"=1"))
}

// runner is the subjects, running.
type runner struct {
	settings
	subjects []*running
}

type running struct {
	subject
	client  *client
	pid     int
	cpu     time.Duration // per request
	rps     []float64     // of each round
	latency []time.Duration
}

func measure(s settings) (err error) {
	only, err := regexp.Compile(s.only)
	if err != nil {
		return err
	}
	upstream, err := startUpstream()
	if err != nil {
		return err
	}
	r := &runner{settings: s}
	for _, one := range subjects() {
		if !only.MatchString(one.name) {
			continue
		}
		process := exec.Command("taskset", "-c", subjectCore, os.Args[0], "serve", one.name, upstream)
		address, stop, err := start(process)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		defer stop()
		c, err := dial(address, one.path)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		defer c.close()
		r.subjects = append(r.subjects, &running{subject: one, client: c, pid: process.Process.Pid})
	}
	if err := r.throughput(); err != nil {
		return err
	}
	if err := r.latencies(); err != nil {
		return err
	}
	return r.report()
}

func (r *runner) throughput() error {
	total := make(map[*running]float64)
	before := make(map[*running]time.Duration)
	for round := range r.rounds + 1 { // the first warms up
		fmt.Fprintf(os.Stderr, "\rround %d of %d ", round, r.rounds)
		for i := range r.subjects {
			s := r.subjects[(i+round)%len(r.subjects)]
			rps, err := s.client.closed(r.turn)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if round == 0 {
				before[s] = cpuOf(s.pid)
				continue
			}
			s.rps = append(s.rps, rps)
			total[s] += rps * r.turn.Seconds()
		}
	}
	fmt.Fprintln(os.Stderr)
	for _, s := range r.subjects {
		s.cpu = time.Duration(float64(cpuOf(s.pid)-before[s]) / total[s])
	}
	return nil
}

// latencies are measured at one rate for all.
func (r *runner) latencies() error {
	slowest := slices.MinFunc(r.subjects, func(a, b *running) int { return cmp.Compare(median(a.rps), median(b.rps)) })
	rate := median(slowest.rps) / 2 //nolint:mnd // half
	for _, s := range r.subjects {
		fmt.Fprintf(os.Stderr, "latency of %s at %.0f requests/s\n", s.name, rate)
		all, err := s.client.open(rate, r.settings.latency)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		s.latency = all
	}
	return nil
}

func (r *runner) find(name string) *running {
	i := slices.IndexFunc(r.subjects, func(s *running) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	return r.subjects[i]
}

// bar is what a ratio is due to be.
type bar struct {
	own, peer string
	least     float64
	ambition  float64
}

func bars() []bar {
	return []bar{
		{ownProxy, peerBare, 1, 1.3},
		{ownProxy, peerCaddy, 1.3, 1.8},
		{ownProxy, peerNginx, 0.4, 0.6},
		{ownCall, ownProxied, 1.5, 2.5},
		{ownCached, peerCached, 0.5, 1},
	}
}

func (r *runner) report() error {
	fmt.Printf("%-46s %12s %12s %12s %12s\n", "SUBJECT", "REQUESTS/S", "CPU", "P50", "P99")
	for _, s := range r.subjects {
		fmt.Printf("%-46s %12.0f %12v %12v %12v\n", s.name, median(s.rps), s.cpu.Round(100*time.Nanosecond),
			at(s.latency, 0.5).Round(time.Microsecond), at(s.latency, 0.99).Round(time.Microsecond))
	}
	var missed []error
	for _, b := range bars() {
		own, peer := r.find(b.own), r.find(b.peer)
		if own == nil || peer == nil {
			continue
		}
		ratios := make([]float64, len(own.rps))
		for i := range ratios {
			ratios[i] = own.rps[i] / peer.rps[i]
		}
		slices.Sort(ratios)
		ratio := median(ratios)
		fmt.Printf("%s / %s: %.2f (p5 %.2f, p95 %.2f), due %.1f, ambition %.1f\n", b.own, b.peer, ratio,
			at(ratios, 0.05), at(ratios, 0.95), b.least, b.ambition)
		if ratio < b.least {
			missed = append(missed, fmt.Errorf("%s is %.2f times %s, and due is %.1f", b.own, ratio, b.peer, b.least))
		}
	}
	if r.check {
		return errors.Join(missed...)
	}
	return nil
}

func median(all []float64) float64 { return at(slices.Sorted(slices.Values(all)), 0.5) }

// at is a quantile of what is sorted.
func at[T any](sorted []T, q float64) T {
	var none T
	if len(sorted) == 0 {
		return none
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
