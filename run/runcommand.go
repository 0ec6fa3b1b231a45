package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/internal/usage"
	"github.com/kerf-go/kerf/plan"
)

// runFlags are the flags of run.
type runFlags struct{ plan, process, data, web, log, level string }

// stopBound is for a process that no fleet has given one: the drain of the plan, or if there is none, a time for the
// rest.
func stopBound(p *plan.Plan) time.Duration {
	const rest = 20 * time.Second
	if p.Drain <= 0 {
		return rest
	}
	return p.Drain
}

func (c *commands) runCommand() *cobra.Command {
	var f runFlags
	command := &cobra.Command{
		Use: "run", Short: "Run the app, in one process or as a plan says", Args: usage.NoArgs,
		Example: fmt.Sprintf("  %[1]s run\n  %[1]s run --plan plans/http.yaml\n  %[1]s run --plan F --process NAME",
			c.app.Name),
		RunE: func(command *cobra.Command, _ []string) error { return c.run(command.Context(), f) },
	}
	planFlag(command, &f.plan)
	flags := command.Flags()
	flags.StringVar(&f.process, "process", "", "run only the process `NAME` of the plan, in this process")
	flags.StringVar(&f.data, "data", "",
		"keep SQLite stores in `FOLDER`, whatever the plan says (default: the plan's, else your data folder)")
	flags.StringVar(&f.web, "web", "", "serve web pages on `ADDRESS`, such as 127.0.0.1:0, instead of the plan's")
	flags.StringVar(&f.log, "log", "", "log in `FORMAT` json or text (default: text on a terminal, else json)")
	complete(command, "log", "json", "text")
	flags.StringVar(&f.level, "log-level", "info", "log from `LEVEL` on: debug (every call), info, warn or error")
	complete(command, "log-level", "debug", "info", "warn", "error")
	return command
}

func (c *commands) run(ctx context.Context, f runFlags) error {
	p, err := c.resolve(f.plan, f.process)
	if err != nil {
		return err
	}
	if err := placeWeb(p, f.web); err != nil {
		return err
	}
	if f.data, err = settle(p, f.data); err != nil {
		return err
	}
	if f.log == "" {
		f.log = logFormat(c.stderr)
	}
	if f.log != "json" && f.log != "text" {
		return fmt.Errorf("--log %s: write json or text", f.log)
	}
	if new(slog.Level).UnmarshalText([]byte(f.level)) != nil {
		return fmt.Errorf("--log-level %s: write debug, info, warn or error", f.level)
	}
	if err := os.MkdirAll(f.data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w; give another with --data FOLDER", err)
	}
	switch {
	case f.process != "":
		return c.runOne(ctx, p, f)
	case len(p.Processes) == 1 && p.Processes[0].Replicas == 1 && p.Processes[0].Command == nil:
		return c.runAlone(ctx, p, f)
	}
	return c.runFleet(ctx, p, f)
}

// placeWeb puts the pages where the command line says. The plan's rule holds there
// too: only this machine, unless the plan accepts the risk.
func placeWeb(p *plan.Plan, address string) error {
	if address == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--web %s: %w; write it as 127.0.0.1:8080, with port 0 for any free one", address, err)
	}
	ip, err := netip.ParseAddr(host)
	inside := host == "localhost" || err == nil && ip.Unmap().IsLoopback()
	if !inside && !p.Insecure {
		return fmt.Errorf("--web %s lets other machines in, and nothing checks who they are: "+
			"listen on 127.0.0.1, or run a plan with \"insecure: true\"", address)
	}
	for i := range p.Processes {
		if p.Processes[i].Web != "" {
			p.Processes[i].Web = address
		}
	}
	return nil
}

// levelOf is the level that a checked flag names.
func levelOf(name string) slog.Level {
	var level slog.Level
	_ = level.UnmarshalText([]byte(name)) // checked when the command line was read
	return level
}

func logFormat(w any) string {
	if file, ok := w.(*os.File); ok && isatty.IsTerminal(file.Fd()) {
		return "text"
	}
	return "json"
}

func (c *commands) options(p *plan.Plan, f runFlags, process string) Options {
	return Options{
		App: c.app, Batteries: c.batteries, Plan: p, Process: process, Directory: NewDirectory(p), Data: f.data,
		LogOutput: c.stderr, LogFormat: f.log, LogLevel: levelOf(f.level),
	}
}

// runAlone runs the only process of a plan, and shows it to status.
func (c *commands) runAlone(ctx context.Context, p *plan.Plan, f runFlags) error {
	name := p.Processes[0].Name
	started := time.Now()
	var running atomic.Pointer[Process]
	shown, err := fleet.Publish(ctx, statusFile(f.data), func() fleet.Report {
		return aloneReport(c.app.Name, p, running.Load(), started)
	})
	if err != nil {
		return err
	}
	defer shown.Close() //nolint:errcheck // the next start replaces what is left
	process, err := Start(ctx, c.options(p, f, name))
	if err != nil {
		return explain(err)
	}
	running.Store(process) // it tells by itself what it waits for
	if err := process.Ready(ctx); err != nil {
		return errors.Join(err, stopProcess(ctx, process, stopBound(p)))
	}
	c.announce(p, f, process.Web())
	return await(ctx, process, nil, stopBound(p))
}

// runOne runs one of several processes: for a fleet, or for an orchestrator,
// which needs addresses that the plan fixes.
func (c *commands) runOne(ctx context.Context, p *plan.Plan, f runFlags) error {
	o := c.options(p, f, f.process)
	parent, attached := fleet.Attach()
	if !attached {
		if err := reachable(p, f.process); err != nil {
			return err
		}
		return runDetached(ctx, o)
	}
	defer followDirectory(parent, o.Directory)()
	before := parent.Previous()
	o.Listen, o.Web, o.Admin = before.Listening, before.Web, before.Admin
	process, err := Start(ctx, o)
	if err != nil {
		parent.Failed(explain(err))
		return err
	}
	report(parent, process)
	waiting, cancel := until(ctx, parent.Done())
	defer cancel()
	if process.Ready(waiting) == nil {
		parent.Ready()
	} // else it is to end, or has failed: await finds out
	return await(ctx, process, parent.Done(), parent.Bound())
}

// runDetached runs a process that no fleet has started. Its addresses are in its log,
// where an orchestrator's users look for them.
func runDetached(ctx context.Context, o Options) error {
	process, err := Start(ctx, o)
	if err != nil {
		return explain(err)
	}
	if err := process.Ready(ctx); err != nil {
		return errors.Join(err, stopProcess(ctx, process, stopBound(o.Plan)))
	}
	process.Logger().InfoContext(ctx, "ready",
		"listening", process.URLs(), "web", process.Web(), "admin", process.Admin())
	return await(ctx, process, nil, stopBound(o.Plan))
}

// followDirectory keeps the directory as the fleet tells, until stopped.
func followDirectory(parent *fleet.Parent, d *Directory) (stop func()) {
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case urls := <-parent.Reach():
				d.Merge(urls)
			case <-stopped:
				return
			}
		}
	}()
	return func() {
		close(stopped)
		<-done
	}
}

// until gives a context that ends with done, too.
func until(ctx context.Context, done <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-done:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel()
		watching.Wait()
	}
}

func report(parent *fleet.Parent, p *Process) {
	for _, u := range p.URLs() {
		parent.Listening(u)
	}
	if p.Web() != "" {
		parent.Web(p.Web())
	}
	parent.Admin(p.Admin())
}

// await waits for the end of ctx, for done or for a failure, and drains.
func await(ctx context.Context, p *Process, done <-chan struct{}, bound time.Duration) error {
	var failure error
	select {
	case <-ctx.Done():
	case <-done:
	case failure = <-p.Failed():
		p.Logger().Error("process fails", "error", failure)
	}
	return errors.Join(failure, stopProcess(ctx, p, bound))
}

func stopProcess(ctx context.Context, p *Process, bound time.Duration) error {
	const margin = 0.9 // so that the process ends by itself before it is killed
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(margin*float64(bound)))
	defer cancel()
	return p.Stop(ctx)
}

// announce tells people where to look.
func (c *commands) announce(p *plan.Plan, f runFlags, web string) {
	what := "one process"
	if len(p.Processes) > 1 {
		what = fmt.Sprintf("%d processes", len(p.Processes))
	}
	if p.File != "" {
		what += " by " + p.File
	}
	fmt.Fprintf(c.stdout, "%s runs as %s; Ctrl-C stops it\n", c.app.Name, what)
	if web != "" {
		fmt.Fprintf(c.stdout, "  site  %s\n", web)
	}
	fmt.Fprintf(c.stdout, "  data  %s\n", storeName(p, f.data))
	for _, warning := range p.Warnings {
		fmt.Fprintf(c.stdout, "  warning  %v\n", warning)
	}
}
