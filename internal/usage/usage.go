// Package usage is what command lines have in common: errors that say what to do next, and
// completion in shells.
package usage

import (
	"fmt"

	"github.com/spf13/cobra"
)

// Prepare completes a tree of commands, once its writers are set.
func Prepare(root *cobra.Command) {
	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return fmt.Errorf("%w; %s", err, see(command))
	})
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	root.InitDefaultCompletionCmd() // now, since it takes the output as it is
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Example = fmt.Sprintf("  source <(%[1]s completion bash)\n  %[1]s completion fish | source",
			root.Name())
	}
}

// NoArgs refuses what is no command and no flag, and says what was probably meant.
func NoArgs(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	path := command.CommandPath()
	if !command.HasAvailableSubCommands() {
		return fmt.Errorf("%q takes no arguments, and got %q; %s", path, args[0], see(command))
	}
	command.SuggestionsMinimumDistance = 2 // cobra's own default, which it sets only without Args
	if meant := command.SuggestionsFor(args[0]); len(meant) > 0 {
		return fmt.Errorf("there is no command %q: did you mean %q?", args[0], path+" "+meant[0])
	}
	return fmt.Errorf("there is no command %q; %s", args[0], see(command))
}

// OneArg wants one argument, of which what is the name in the help, such as FILE.
func OneArg(what string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return fmt.Errorf("%q takes one %s, and got %d; %s", command.CommandPath(), what, len(args), see(command))
	}
}

func see(command *cobra.Command) string {
	return fmt.Sprintf("see \"%s --help\"", command.CommandPath())
}
