package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// listener serves HTTP to people: pages, or the admin's.
type listener struct {
	net.Listener
	server *http.Server
}

const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = time.Minute // of a whole request; answers may stream for ever
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// listenHTTP takes the address of before if there is one and it is free, else
// address.
func listenHTTP(ctx context.Context, logger *slog.Logger, h http.Handler, before, address string) (*listener, error) {
	l, err := listenTCP(ctx, strings.TrimPrefix(before, "http://"), address)
	if err != nil {
		return nil, err // it names the address
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // of clients of gRPC, behind a gateway's address
	return &listener{l, &http.Server{
		Handler: h, Protocols: &protocols, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}}, nil
}

func listenTCP(ctx context.Context, before, address string) (net.Listener, error) {
	var config net.ListenConfig
	if before != "" {
		l, err := retake(ctx, func() (net.Listener, error) { return config.Listen(ctx, "tcp", before) })
		if err == nil {
			return l, nil
		}
	}
	return config.Listen(ctx, "tcp", address)
}

// retake tries to take an address again, for a moment: a program that is just being
// started shares the listeners of its parent until it runs, even closed ones.
func retake[T any](ctx context.Context, listen func() (T, error)) (T, error) {
	const tries, pause = 5, 10 * time.Millisecond
	for i := 1; ; i++ {
		l, err := listen()
		if err == nil || i == tries || !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return l, err
		case <-timer.C:
		}
	}
}

func (l *listener) url() string { return "http://" + l.Addr().String() }

func (l *listener) serve() error {
	if err := l.server.Serve(l.Listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.url(), err)
	}
	return nil
}

func (l *listener) shutdown(ctx context.Context) error {
	err := l.server.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("shutdown %s: requests still run: %w", l.url(), err)
	}
	return errors.Join(err, l.close())
}

// close cuts off the requests that run.
func (l *listener) close() error { return errors.Join(l.server.Close(), ignoreClosed(l.Close())) }

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
