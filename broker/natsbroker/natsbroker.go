// Package natsbroker embeds nats-server: a broker with JetStream whose streams are
// files, each write of which reaches the disk before it is acknowledged.
package natsbroker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/kerf-go/kerf/broker"
)

// Driver is the NATS broker. The zero value is ready to use.
type Driver struct{}

var _ broker.Driver = Driver{}

// Scheme is "nats".
func (Driver) Scheme() string { return "nats" }

// Start runs a broker. A second one on the same folder is refused.
func (Driver) Start(ctx context.Context, o broker.Options) (broker.Server, error) {
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("the broker's folder: %w", err)
	}
	lock, err := takeLock(filepath.Join(o.Folder, "lock"))
	if err != nil {
		return nil, fmt.Errorf("the broker's folder %s is in use: stop the other one, or use another folder: %w",
			o.Folder, err)
	}
	b, err := start(ctx, o)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	b.lock = lock
	return b, nil
}

// Until a broker knows that a client is gone it gives that one its share of the calls, and
// they are lost. nats-server takes up to six minutes.
const (
	pingEvery  = 3 * time.Second
	mostMissed = 2 // pings without an answer
)

func start(ctx context.Context, o broker.Options) (*running, error) {
	host, text, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, fmt.Errorf("the broker's address: %w", err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("the broker's port: %w", err)
	}
	options := &server.Options{
		Host: host, Port: cmp.Or(port, server.RANDOM_PORT), NoSigs: true,
		PingInterval: pingEvery, MaxPingsOut: mostMissed,
		JetStream: true, StoreDir: o.Folder, SyncAlways: true,
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	log := &logger{Logger: o.Logger, fatal: make(chan string, 1)}
	if log.Logger == nil {
		log.Logger = slog.Default()
	}
	s.SetLogger(log, false, false)
	b := &running{server: s, ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		s.Start()
		s.WaitForShutdown()
	}()
	if err := b.ready(ctx, log); err != nil {
		return nil, errors.Join(err, b.Stop(context.WithoutCancel(ctx)))
	}
	return b, nil
}

// running is a broker that runs.
type running struct {
	server  *server.Server
	address string
	lock    *os.File
	ended   chan struct{}
	once    sync.Once
}

// ready waits until the broker takes connections.
func (b *running) ready(ctx context.Context, log *logger) error {
	const pause, look = 10 * time.Millisecond, time.Millisecond
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for !b.server.ReadyForConnections(look) {
		select {
		case why := <-log.fatal:
			return fmt.Errorf("start the broker: %s", why)
		case <-ctx.Done():
			return fmt.Errorf("start the broker: %w", ctx.Err())
		case <-ticker.C:
		}
	}
	b.address = b.server.Addr().String()
	return nil
}

func (b *running) Address() string { return b.address }

func (b *running) Stop(ctx context.Context) error {
	var err error
	b.once.Do(func() {
		b.server.Shutdown()
		select {
		case <-b.ended:
		case <-ctx.Done():
			err = fmt.Errorf("stop the broker: %w", ctx.Err())
		}
		if b.lock != nil {
			err = errors.Join(err, b.lock.Close())
		}
	})
	return err
}

// logger tells in slog what nats-server has to say. What it tells of itself as it
// starts is for those who look closely.
type logger struct {
	*slog.Logger
	fatal chan string
}

var _ server.Logger = (*logger)(nil)

func (l *logger) Noticef(format string, v ...any) { l.Debug("broker: " + fmt.Sprintf(format, v...)) }
func (l *logger) Warnf(format string, v ...any)   { l.Warn("broker: " + fmt.Sprintf(format, v...)) }
func (l *logger) Errorf(format string, v ...any)  { l.Error("broker: " + fmt.Sprintf(format, v...)) }
func (*logger) Debugf(string, ...any)             {}
func (*logger) Tracef(string, ...any)             {}

// Fatalf ends nats-server's own program; here the start fails.
func (l *logger) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
		l.Errorf(format, v...)
	}
}
