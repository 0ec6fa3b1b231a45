package run

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/internal/usage"
)

// Command is a command that an app has beside those that every app has.
type Command struct {
	Name, Short string
	Args        string   // what may follow, for the help, such as "[FILE ...]"; empty: nothing may
	Examples    []string // arguments, without the app's name
	// New adds flags, and gives what carries the command out.
	New func(flags *flag.FlagSet) func(ctx context.Context, in Invocation) error
}

// Invocation is what a Command is carried out with.
type Invocation struct {
	App            kerf.App
	Batteries      Batteries
	Args           []string // without flags
	Stdout, Stderr io.Writer
}

// boolFunc is a flag made by flag.BoolFunc.
type boolFunc struct{ pflag.Value }

// Type is what help takes for a flag that needs no value.
func (boolFunc) Type() string { return "bool" }

func (c *commands) extraCommand(extra Command) *cobra.Command {
	flags := flag.NewFlagSet(extra.Name, flag.ContinueOnError)
	carryOut := extra.New(flags)
	command := &cobra.Command{
		Use: strings.TrimSpace(extra.Name + " " + extra.Args), Short: extra.Short,
		RunE: func(command *cobra.Command, args []string) error {
			return carryOut(command.Context(), Invocation{
				App: c.app, Batteries: c.batteries, Args: args, Stdout: c.stdout, Stderr: c.stderr,
			})
		},
	}
	if extra.Args == "" {
		command.Args = usage.NoArgs
	}
	examples := make([]string, 0, len(extra.Examples))
	for _, example := range extra.Examples {
		examples = append(examples, fmt.Sprintf("  %s %s", c.app.Name, example))
	}
	command.Example = strings.Join(examples, "\n")
	command.Flags().AddGoFlagSet(flags)
	command.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Value.Type() == "boolFunc" {
			f.Value = boolFunc{f.Value} // so that help does not tell Go's word for it
		}
	})
	return command
}
