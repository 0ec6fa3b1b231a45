// Package broker says what a message broker must do that a program brings along, for
// the links whose calls go through one. Package natsbroker has the one there is.
package broker

import (
	"context"
	"log/slog"
)

// Driver runs a broker inside this process.
type Driver interface {
	// Scheme is that of the link which needs the broker.
	Scheme() string
	// Start returns once the broker takes connections. ctx bounds the start.
	Start(ctx context.Context, o Options) (Server, error)
}

// Options say how a broker runs.
type Options struct {
	Folder  string       // of what it keeps; made if it is not there, and nobody else's while it runs
	Address string       // host:port to listen on; port 0: any free one
	Logger  *slog.Logger // nil: slog.Default()
}

// Server is a broker that runs.
type Server interface {
	Address() string // host:port, with the real port
	// Stop ends it. What it has stored stays. It may be repeated.
	Stop(ctx context.Context) error
}
