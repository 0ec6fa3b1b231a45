package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/internal/usage"
	"github.com/kerf-go/kerf/plan"
)

func statusFile(data string) string { return filepath.Join(data, "status.json") }

func (c *commands) statusCommand() *cobra.Command {
	var asJSON bool
	var data, file string
	command := &cobra.Command{
		Use: "status", Short: "Show the processes that run", Args: usage.NoArgs,
		Example: fmt.Sprintf("  %[1]s status\n  %[1]s status --json", c.app.Name),
		RunE: func(command *cobra.Command, _ []string) error {
			p, err := c.resolve(file, "")
			if err != nil {
				return err
			}
			if data, err = settle(p, data); err != nil {
				return err
			}
			report, err := fleet.ReadStatus(command.Context(), statusFile(data))
			if errors.Is(err, fleet.ErrNotRunning) {
				return fmt.Errorf("%s is not running with its data in %s: start it with \"%s run\"",
					c.app.Name, data, c.app.Name)
			}
			if err != nil {
				return err
			}
			all := askAll(command.Context(), report)
			if asJSON {
				encoder := json.NewEncoder(c.stdout)
				encoder.SetIndent("", "  ")
				return encoder.Encode(all)
			}
			return errors.Join(c.statusTable(all), c.troubles(all))
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	command.Flags().StringVar(&data, "data", "", "the data `FOLDER` given to run")
	command.Flags().StringVar(&file, "plan", "", "the plan `FILE` given to run, if that names a store")
	return command
}

func (c *commands) statusTable(r fullReport) error {
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0) //nolint:mnd // two spaces between columns
	fmt.Fprintln(w, "PROCESS\tREPLICA\tSERVICES\tPID\tLINK\tADDRESS\tSTATE\tRESTARTS\tUPTIME")
	for _, s := range r.Processes {
		addresses := strings.Fields(s.Address + " " + s.Web)
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n",
			s.Process, s.Replica, strings.Join(s.Services, ","), dash(pid(s.PID)), dash(s.Link),
			dash(strings.Join(addresses, " ")), s.State, s.Restarts,
			time.Duration(s.UptimeSeconds*float64(time.Second)).Round(time.Second))
	}
	return w.Flush()
}

func pid(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// aloneReport is the status of a plan's only process; nil while it starts.
func aloneReport(app string, p *plan.Plan, process *Process, started time.Time) fleet.Report {
	spec := p.Processes[0]
	s := fleet.Status{
		Process: spec.Name, Services: spec.Services, PID: os.Getpid(), Link: spec.Link,
		State: fleet.Starting, UptimeSeconds: time.Since(started).Seconds(),
	}
	if process != nil {
		s.State, s.Web, s.Admin = fleet.Ready, process.Web(), process.Admin()
		s.Address = strings.Join(process.URLs(), " ")
	}
	return fleet.Report{App: app, Plan: p.File, Started: started, Processes: []fleet.Status{s}}
}
