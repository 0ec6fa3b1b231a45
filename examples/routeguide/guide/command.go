package guide

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
)

type (
	// Serve answers calls at an address until ctx ends.
	Serve func(ctx context.Context, address string, logger *slog.Logger) error
	// Tour visits the guide at an address.
	Tour func(ctx context.Context, address string, out io.Writer) error
)

// Main carries out the command line: serve ADDRESS, or visit ADDRESS.
func Main(serve Serve, visit Tour) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := errors.New("write serve ADDRESS, or visit ADDRESS")
	if len(os.Args) == 3 { //nolint:mnd // the name of the program, and two more
		switch os.Args[1] {
		case "serve":
			err = serve(ctx, os.Args[2], slog.Default())
		case "visit":
			err = visit(ctx, os.Args[2], os.Stdout)
		}
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "routeguide:", err)
		os.Exit(1)
	}
}
