package run

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kerf-go/kerf/internal/usage"
	"github.com/kerf-go/kerf/plan"
)

func (c *commands) planCommand() *cobra.Command {
	var file, format string
	command := &cobra.Command{
		Use: "plan", Short: "Show what a plan means: processes, links and who calls whom", Args: usage.NoArgs,
		Example: fmt.Sprintf("  %[1]s plan --plan F\n  %[1]s plan --plan F --format mermaid", c.app.Name),
		RunE: func(*cobra.Command, []string) error {
			p, err := c.resolve(file, "")
			if err != nil {
				return err
			}
			for _, missing := range missingPrograms(p) { // the plan is right all the same
				p.Warnings = append(p.Warnings, missing)
			}
			formats := map[string]func(io.Writer) error{"table": p.Table, "mermaid": p.Mermaid, "json": p.JSON}
			write := formats[format]
			if write == nil {
				return fmt.Errorf("--format %s: write table, mermaid or json", format)
			}
			return write(c.stdout)
		},
	}
	planFlag(command, &file)
	command.Flags().StringVar(&format, "format", "table", "the `FORMAT`: table, mermaid or json")
	complete(command, "format", "table", "mermaid", "json")
	return command
}

func planFlag(command *cobra.Command, file *string) {
	command.Flags().StringVar(file, "plan", "", "the plan `FILE`; without one everything runs in one process")
	_ = command.MarkFlagFilename("plan", "yaml", "yml") // fails only for an unknown flag
}

// complete offers words for a flag.
func complete(command *cobra.Command, flag string, words ...string) {
	_ = command.RegisterFlagCompletionFunc(flag, // fails only for an unknown flag
		cobra.FixedCompletions(slices.Clone(words), cobra.ShellCompDirectiveNoFileComp))
}

// resolve reads a plan of which this program is to run one process, or all.
func (c *commands) resolve(file, process string) (*plan.Plan, error) {
	model := c.batteries.Model(c.app)
	model.Process = process
	if file == "" {
		return plan.Monolith(model), nil
	}
	return plan.Resolve(file, model)
}
