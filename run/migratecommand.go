package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"text/tabwriter"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/store"
)

// migrateFlags are the flags of migrate.
type migrateFlags struct {
	plan, data string
	status     bool
}

func (c *commands) migrateCommand() *cobra.Command {
	var f migrateFlags
	command := &cobra.Command{
		Use: "migrate [SERVICE ...]", Short: "Bring the stores of services, or of all, up to their newest migration",
		Example: fmt.Sprintf("  %[1]s migrate --plan F\n  %[1]s migrate SERVICE --plan F\n"+
			"  %[1]s migrate --status --plan F", c.app.Name),
		ValidArgs: c.serviceNames(),
		RunE: func(command *cobra.Command, services []string) error {
			return c.migrate(command.Context(), f, services)
		},
	}
	planFlag(command, &f.plan)
	command.Flags().StringVar(&f.data, "data", "", "the data `FOLDER` given to run")
	command.Flags().BoolVar(&f.status, "status", false, "only show how far the stores are, and migrate nothing")
	return command
}

func (c *commands) serviceNames() []string {
	names := make([]string, 0, len(c.app.Services))
	for _, s := range c.app.Services {
		names = append(names, s.Name)
	}
	return names
}

func (c *commands) migrate(ctx context.Context, f migrateFlags, services []string) error {
	for _, name := range services {
		if !slices.Contains(c.serviceNames(), name) {
			return fmt.Errorf("there is no service %q: there are %s", name, c.serviceNames())
		}
	}
	p, err := c.resolve(f.plan, "")
	if err != nil {
		return err
	}
	o := Options{App: c.app, Batteries: c.batteries, Plan: p}
	if o.Data, err = settle(p, f.data); err != nil {
		return err
	}
	table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0) //nolint:mnd // two spaces between columns
	defer table.Flush()
	if f.status {
		fmt.Fprintln(table, "SERVICE\tVERSION\tNEWEST\tPENDING\tSTORE")
	}
	var errs []error
	for _, s := range c.app.Services {
		named := slices.Contains(services, s.Name)
		if s.New == nil || len(services) > 0 && !named || !named && p.Home(s.Name) == "" {
			continue
		}
		line, err := migrateStore(ctx, o, s, f.status)
		if line == "" && err == nil && named {
			err = errors.New("it has no store")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("service %s: %w", s.Name, err))
		} else if line != "" {
			fmt.Fprintln(table, line)
		}
	}
	return errors.Join(errs...)
}

// migrateStore migrates one service's store, or only looks at it, and says what came of
// it; "": the service has none.
func migrateStore(ctx context.Context, o Options, s kerf.Service, look bool) (line string, err error) {
	migrations, has, err := migrationsOf(ctx, o, s)
	if err != nil || !has {
		return "", err
	}
	where := o.Plan.StoreOf(s.Name)
	if where.Foreign {
		if look {
			return fmt.Sprintf("%s\t-\t-\t-\t%v", s.Name, where), nil
		}
		return s.Name + ": the tables are someone else's, and left alone", nil
	}
	db, err := openStore(ctx, o, s.Name, nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	before, err := db.Versions(ctx, migrations)
	switch {
	case err != nil:
		return "", explain(err)
	case look:
		return fmt.Sprintf("%s\t%d\t%d\t%d\t%v", s.Name, before.Current, before.Newest, before.Pending, where), nil
	case before.Pending == 0:
		return fmt.Sprintf("%s: at version %d, and nothing to do", s.Name, before.Current), nil
	}
	if err := db.Migrate(ctx, migrations); err != nil {
		return "", explain(err)
	}
	return fmt.Sprintf("%s: migrated from version %d to %d", s.Name, before.Current, before.Newest), nil
}

// migrationsOf builds a service up to where it asks for its store.
func migrationsOf(ctx context.Context, o Options, s kerf.Service) (migrations fs.FS, has bool, err error) {
	e := &asking{plan: o.Plan, service: s.Name}
	err = s.New(ctx, kerf.NewHost(s, e))
	for _, stop := range slices.Backward(e.stops) {
		_ = stop(ctx) // it was hardly built
	}
	if e.asked {
		return e.migrations, true, nil // whatever New made of not getting its store
	}
	return nil, false, err
}

// asking is an engine for a service of which only the migrations are wanted: it serves
// nothing, reaches nobody, and has no store to give.
type asking struct {
	plan       *plan.Plan
	service    string
	migrations fs.FS
	asked      bool
	stops      []func(context.Context) error
}

var (
	_ kerf.Engine = (*asking)(nil)

	errOnlyAsked = errors.New("the service is not started, only asked for its migrations")
)

func (a *asking) OpenDB(_ context.Context, migrations fs.FS) (*store.DB, error) {
	a.migrations, a.asked = migrations, true
	return nil, errOnlyAsked
}

func (a *asking) Config(into any) error { return a.plan.DecodeConfig(a.service, into) }

func (a *asking) Dial(service string) (grpc.ClientConnInterface, error) { return nowhere(service), nil }

func (*asking) Report(string, func() []policy.State) policy.Observer {
	return func(context.Context, policy.Event) {}
}

func (*asking) Upstream(_ string, s policy.Settings) policy.Settings { return s }

func (*asking) Register(*grpc.ServiceDesc, any) error { return nil }

func (*asking) ServiceInfo() map[string]grpc.ServiceInfo { return nil }

func (*asking) Handle(string, http.Handler) error { return nil }

func (*asking) Around(func(http.Handler) http.Handler) error { return nil }

func (*asking) Instrument(page http.Handler) http.Handler { return page }

func (*asking) Metrics() prometheus.Registerer { return prometheus.NewRegistry() }

func (*asking) Logger() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (*asking) Ready(string, func(context.Context) error) {}

func (*asking) Go(string, func(context.Context) error) {}

func (a *asking) OnStop(stop func(context.Context) error) { a.stops = append(a.stops, stop) }
