package run

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/internal/usage"
)

// Exec carries out one command of an app: run, plan, status, migrate, dead, version
// or completion, or of what the app has more; without one it runs the app as a monolith. It
// returns when the command is done, or, for run, when ctx has ended and everything is drained.
func Exec(
	ctx context.Context, app kerf.App, b Batteries, args []string, stdout, stderr io.Writer, more ...Command,
) error {
	if err := checkApp(app); err != nil {
		return err
	}
	c := &commands{app: app, batteries: b, stdout: stdout, stderr: stderr}
	root := c.root()
	for _, extra := range more {
		root.AddCommand(c.extraCommand(extra))
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	usage.Prepare(root)
	return root.ExecuteContext(ctx)
}

// commands is what the commands of an app share.
type commands struct {
	app            kerf.App
	batteries      Batteries
	stdout, stderr io.Writer
}

func (c *commands) root() *cobra.Command {
	name := c.app.Name
	root := c.runCommand()
	root.Use = name
	root.Short = name + " runs as one process or as many: a plan decides"
	root.Example = fmt.Sprintf(`  %[1]s                           # everything in one process
  %[1]s run --plan FILE           # the processes of a plan
  %[1]s plan --plan FILE          # what a plan means
  %[1]s status                    # what is running`, name)
	root.Version = version()
	root.AddCommand(c.runCommand(), c.planCommand(), c.statusCommand(), c.migrateCommand(),
		c.deadCommand(), c.versionCommand())
	return root
}

func (c *commands) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: usage.NoArgs,
		Example: "  " + c.app.Name + " version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(c.stdout, c.app.Name, version())
			return err
		},
	}
}
