package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal does what it does by default
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "monolith: %v\n", err)
		os.Exit(1)
	}
}

// stopTimeout bounds the drain.
const stopTimeout = 20 * time.Second

// run serves until ctx ends, and drains.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := options{logger: slog.New(slog.NewJSONHandler(stderr, nil))}
	flags := flag.NewFlagSet("monolith", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.data, "data", "", "keep SQLite stores in `FOLDER` (default: your configuration folder's)")
	flags.StringVar(&o.web, "web", "127.0.0.1:8080", "serve web pages on `ADDRESS`")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if o.data == "" {
		home, err := os.UserConfigDir()
		if err != nil {
			return fmt.Errorf("no folder for data: %w; give one with --data FOLDER", err)
		}
		o.data = filepath.Join(home, "chirp-monolith")
	}
	m, err := start(ctx, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "chirp runs as one process wired by hand; Ctrl-C stops it\n  site  %s\n  data  %s\n",
		m.url(), o.data)
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-m.served:
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return errors.Join(failure, m.stop(drain))
}
