package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/kerf-go/kerf/internal/usage"
)

// execute carries out one command. It returns when the command is done, or, for one that
// serves, when ctx has ended and what ran has been let end.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	root := tree(stdout, stderr)
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// tree is that of all commands.
func tree(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "kerf",
		Short: "Tools for those who build with Kerf",
		Example: `  kerf gateway --config gateway.yaml   # a gateway before any HTTP servers
  kerf gateway check gateway.yaml      # is it right?`,
		Args: usage.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(gatewayCommand())
	root.SetOut(stdout)
	root.SetErr(stderr)
	usage.Prepare(root)
	return root
}
