package run

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kerf-go/kerf"
)

// Exec carries out one command of an app: run, plan, status, dead, version or
// completion, or of what the app has more; without one it runs the app as a monolith. It
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
	root.InitDefaultCompletionCmd() // now, since it takes the output as it is
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Example = fmt.Sprintf("  source <(%[1]s completion bash)\n  %[1]s completion fish | source",
			app.Name)
	}
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
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return fmt.Errorf("%w; see \"%s --help\"", err, command.CommandPath())
	})
	root.Version = version()
	root.SilenceUsage, root.SilenceErrors = true, true
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	root.AddCommand(c.runCommand(), c.planCommand(), c.statusCommand(), c.deadCommand(), c.versionCommand())
	return root
}

// noArgs refuses what is no command and no flag, and says what was probably meant.
func noArgs(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	path := command.CommandPath()
	if command.HasParent() {
		return fmt.Errorf("%q takes no arguments, and got %q; see \"%s --help\"", path, args[0], path)
	}
	command.SuggestionsMinimumDistance = 2 // cobra's own default, which it sets only without Args
	if meant := command.SuggestionsFor(args[0]); len(meant) > 0 {
		return fmt.Errorf("there is no command %q: did you mean %q?", args[0], path+" "+meant[0])
	}
	return fmt.Errorf("there is no command %q; see \"%s --help\"", args[0], path)
}

func (c *commands) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArgs,
		Example: "  " + c.app.Name + " version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(c.stdout, c.app.Name, version())
			return err
		},
	}
}
