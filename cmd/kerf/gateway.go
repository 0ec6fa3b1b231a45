package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/spf13/cobra"

	"github.com/kerf-go/kerf/gateway"
	"github.com/kerf-go/kerf/internal/usage"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/seam"
	"github.com/kerf-go/kerf/telemetry"
)

func gatewayCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "gateway",
		Short: "Run a gateway before HTTP servers",
		Long: `Run a gateway before HTTP servers, as its configuration says. The configuration is
reloaded when its file changes, and at SIGHUP; one that is wrong is refused, and the
one in use stays. Ctrl-C and SIGTERM let requests that run end first.

Metrics, the state of its policies and profiles are at the address that the
configuration has as admin. Spans are exported by OTLP where the environment has
OTEL_EXPORTER_OTLP_ENDPOINT.`,
		Example: "  kerf gateway --config gateway.yaml\n  kerf gateway check gateway.yaml   # is it right?",
		Args:    usage.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runGateway(c.Context(), file, c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&file, "config", "gateway.yaml", "the gateway's configuration, a `FILE`")
	_ = c.MarkFlagFilename("config", yamlEnds...) // fails only for an unknown flag
	c.AddCommand(checkCommand())
	return c
}

// yamlEnds are how names of configurations end, for completion.
var yamlEnds = []string{"yaml", "yml"}

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check FILE",
		Short:   "Tell every mistake of a gateway's configuration",
		Example: "  kerf gateway check gateway.yaml",
		Args:    usage.OneArg("FILE"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return yamlEnds, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, args []string) error {
			g, err := gateway.Open(args[0], gateway.Options{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is right\n", args[0])
			return g.Close()
		},
	}
}

// gcPercent is the GOGC of a gateway that nobody gives another: what it keeps is small and
// what it throws away is much, so that Go's default would collect hundreds of times a second.
const gcPercent = 400

// name is what the gateway is called in metrics, as a service of a plan would be, and in spans.
const name = "gateway"

// flushTime bounds the export of the last spans.
const flushTime = 5 * time.Second

func runGateway(ctx context.Context, file string, log io.Writer) (err error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	redis.SetLogger(new(logging.VoidLogger)) // what it would tell to standard error is in the log already
	tel, err := telemetry.New(ctx, telemetry.Options{Process: name, LogOutput: log, LogFormat: "text"})
	if err != nil {
		return err
	}
	defer func() {
		flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		err = errors.Join(err, tel.Shutdown(flush))
	}()
	o, err := options(tel)
	if err != nil {
		return err
	}
	g, err := gateway.Open(file, o)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; write one, or name another with --config FILE", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	s, err := g.Listen(ctx, tel.Web(g))
	if err != nil {
		return err
	}
	tel.Logger().InfoContext(ctx, "the gateway listens", "urls", s.URLs(), "admin", s.Admin())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	defer signal.Stop(signals)
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		g.Watch(watching, signals)
	}()
	err = s.Serve(ctx)
	stop()
	<-watched
	return err
}

// options let the gateway be looked at as a service of a plan is.
func options(tel *telemetry.Telemetry) (gateway.Options, error) {
	s, err := seam.New(tel)
	if err != nil {
		return gateway.Options{}, err
	}
	return gateway.Options{
		Logger: tel.Logger(),
		Report: func(upstream string, states func() []policy.State) policy.Observer {
			return s.Report(name, upstream, states)
		},
		Metrics: prometheus.WrapRegistererWith(prometheus.Labels{"service": name}, tel.Registry()),
		Admin: tel.Admin(nil, telemetry.AdminPage{
			Path: "/policies", Doc: "what policies are about, and what they did", Handler: s.Page(),
		}),
	}, nil
}
