package run

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/internal/usage"
	"github.com/kerf-go/kerf/link"
)

// deadFlags say where the dead letters are.
type deadFlags struct{ broker, plan, data string }

func (c *commands) deadCommand() *cobra.Command {
	var f deadFlags
	command := &cobra.Command{
		Use: "dead", Short: "Look after accepted requests that failed for good", Args: usage.NoArgs,
		Example: fmt.Sprintf("  %[1]s dead list\n  %[1]s dead replay %[1]s.PROCESS/1", c.app.Name),
		RunE:    func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	flags := command.PersistentFlags()
	flags.StringVar(&f.broker, "broker", "", "the `URL` of the broker, such as nats://127.0.0.1:4222 "+
		"(default: the plan's, else that of what runs)")
	flags.StringVar(&f.plan, "plan", "", "the plan `FILE` given to run")
	flags.StringVar(&f.data, "data", "", "the data `FOLDER` given to run")
	command.AddCommand(c.deadListCommand(&f),
		c.deadCommandOf(&f, "show", "Show them with their metadata and message", c.showLetter),
		c.deadCommandOf(&f, "replay", "Put them back into the queue, as new requests",
			func(ctx context.Context, l link.DeadLetters, id string) error {
				return c.said(l.Replay(ctx, id), "%s is in the queue again", id)
			}),
		c.deadCommandOf(&f, "drop", "Forget them for ever",
			func(ctx context.Context, l link.DeadLetters, id string) error {
				return c.said(l.Drop(ctx, id), "%s is forgotten", id)
			}))
	return command
}

func (c *commands) said(err error, format string, args ...any) error {
	if err == nil {
		_, err = fmt.Fprintf(c.stdout, format+"\n", args...)
	}
	return err
}

func (c *commands) deadListCommand(f *deadFlags) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use: "list", Short: "List them", Args: usage.NoArgs,
		Example: fmt.Sprintf("  %[1]s dead list\n  %[1]s dead list --json --broker nats://127.0.0.1:4222", c.app.Name),
		RunE: func(command *cobra.Command, _ []string) error {
			return c.withLetters(command.Context(), f, func(ctx context.Context, l link.DeadLetters) error {
				all, err := l.List(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					return c.lettersJSON(all)
				}
				return c.lettersTable(all)
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return command
}

// deadCommandOf is a command that does something with each letter named.
func (c *commands) deadCommandOf(
	f *deadFlags, name, short string,
	do func(ctx context.Context, l link.DeadLetters, id string) error,
) *cobra.Command {
	return &cobra.Command{
		Use: name + " ID ...", Short: short,
		Example: fmt.Sprintf("  %[1]s dead %[2]s %[1]s.PROCESS/1", c.app.Name, name),
		RunE: func(command *cobra.Command, ids []string) error {
			if len(ids) == 0 {
				return fmt.Errorf("name a dead letter: \"%s dead list\" shows what there is", c.app.Name)
			}
			return c.withLetters(command.Context(), f, func(ctx context.Context, l link.DeadLetters) error {
				for _, id := range ids {
					if err := do(ctx, l, id); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func (c *commands) withLetters(
	ctx context.Context, f *deadFlags, do func(context.Context, link.DeadLetters) error,
) error {
	rawURL, err := c.findBroker(ctx, f)
	if err != nil {
		return err
	}
	u, l, err := c.batteries.with(c.app).parse(rawURL)
	if err != nil {
		return err
	}
	keeper, ok := l.(link.DeadLetterer)
	if !ok {
		return fmt.Errorf("the link %s keeps no dead letters", l.Scheme())
	}
	letters, err := keeper.DeadLetters(ctx, u.JoinPath(c.app.Name))
	if err != nil {
		return err
	}
	defer letters.Close()
	return do(ctx, letters)
}

// findBroker is told the broker's URL by the flags, the plan, or what runs.
func (c *commands) findBroker(ctx context.Context, f *deadFlags) (string, error) {
	if f.broker != "" {
		return f.broker, nil
	}
	p, err := c.resolve(f.plan, "")
	if err != nil {
		return "", err
	}
	if _, own := p.EmbeddedBroker(); p.Broker != "" && !own {
		return p.Broker, nil
	}
	data, err := settle(p, f.data)
	if err != nil {
		return "", err
	}
	report, err := fleet.ReadStatus(ctx, statusFile(data))
	if err != nil && !errors.Is(err, fleet.ErrNotRunning) {
		return "", err
	}
	for _, s := range report.Processes {
		for rawURL := range strings.FieldsSeq(s.Address) {
			u, l, err := c.batteries.with(c.app).parse(rawURL)
			if err == nil && l.Capabilities().Broker {
				return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String(), nil
			}
		}
	}
	return "", fmt.Errorf("%s does not run with a broker and its data in %s: start it with \"%s run --plan FILE\", "+
		"or say where the broker is with --broker URL", c.app.Name, data, c.app.Name)
}
