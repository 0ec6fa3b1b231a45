package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/kerf-go/kerf/examples/chirp/accounts"
	"github.com/kerf-go/kerf/examples/chirp/follows"
	"github.com/kerf-go/kerf/examples/chirp/messages"
	"github.com/kerf-go/kerf/examples/chirp/notify"
	"github.com/kerf-go/kerf/examples/chirp/web"
	"github.com/kerf-go/kerf/store"
	"github.com/kerf-go/kerf/store/sqlite"
)

type options struct {
	data, web string
	logger    *slog.Logger
}

// monolith is all of Chirp.
type monolith struct {
	clients  web.Clients
	accounts *accounts.Accounts
	notify   *notify.Notify
	site     *web.Site
	stores   []*store.DB
	listener net.Listener
	server   *http.Server
	served   chan error // receives the error of serving, if there is one; then it is closed

	endWork context.CancelFunc
	work    sync.WaitGroup
}

// start serves when it returns. ctx bounds the start alone.
func start(ctx context.Context, o options) (*monolith, error) {
	m := &monolith{served: make(chan error, 1)}
	for _, step := range []func(context.Context, options) error{m.build, m.listen} {
		if err := step(ctx, o); err != nil {
			return nil, errors.Join(err, m.closeStores())
		}
	}
	working, endWork := context.WithCancel(context.WithoutCancel(ctx))
	m.endWork = endWork
	m.work.Go(func() { _ = m.accounts.Run(working) }) // it returns nil always
	m.work.Go(func() {
		defer close(m.served)
		if err := m.server.Serve(m.listener); !errors.Is(err, http.ErrServerClosed) {
			m.served <- err
		}
	})
	return m, nil
}

// build makes the services, callees first.
func (m *monolith) build(ctx context.Context, o options) error {
	accountsDB, err := m.open(ctx, o.data, "accounts", accounts.Migrations())
	if err != nil {
		return err
	}
	followsDB, err := m.open(ctx, o.data, "follows", follows.Migrations())
	if err != nil {
		return err
	}
	messagesDB, err := m.open(ctx, o.data, "messages", messages.Migrations())
	if err != nil {
		return err
	}
	if m.accounts, err = accounts.New(accountsDB, accounts.Options{Logger: o.logger}); err != nil {
		return err
	}
	f, err := follows.New(followsDB, follows.Options{Logger: o.logger})
	if err != nil {
		return err
	}
	m.clients.Accounts, m.clients.Follows = accountsClient{m.accounts}, followsClient{f}
	if m.notify, err = notify.New(m.clients.Follows, notify.Options{Logger: o.logger}); err != nil {
		return err
	}
	m.clients.Notify = notifyClient{m.notify}
	m.clients.Messages = messagesClient{
		messages.New(messagesDB, m.clients.Follows, m.clients.Notify, messages.Options{Logger: o.logger}),
	}
	m.site, err = web.New(m.clients, web.Options{Logger: o.logger})
	return err
}

func (m *monolith) open(ctx context.Context, dir, service string, migrations fs.FS) (*store.DB, error) {
	db, err := store.Open(ctx, "sqlite:"+dir, service, []store.Driver{sqlite.Driver{}}, store.Options{})
	if err != nil {
		return nil, err
	}
	m.stores = append(m.stores, db)
	return db, db.Migrate(ctx, migrations)
}

// listen binds the site. Answers may stream for ever, so they have no time limit.
func (m *monolith) listen(ctx context.Context, o options) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", o.web)
	if err != nil {
		return fmt.Errorf("serve pages: %w; choose another address with --web 127.0.0.1:0", err)
	}
	m.listener = listener
	m.server = &http.Server{
		Handler: m.site, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(o.logger.Handler(), slog.LevelDebug),
	}
	m.server.RegisterOnShutdown(func() { _ = m.site.Close() }) // live updates never end by themselves
	return nil
}

func (m *monolith) url() string { return "http://" + m.listener.Addr().String() }

// stop drains: live updates end, requests finish, then the work behind them and
// the stores. What still runs at the end of ctx is cut off.
func (m *monolith) stop(ctx context.Context) error {
	err := m.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests still run: %w", err), m.server.Close())
	}
	m.notify.Stop()
	m.endWork()
	m.work.Wait()
	return errors.Join(err, m.closeStores())
}

func (m *monolith) closeStores() error {
	errs := make([]error, len(m.stores))
	for i, db := range m.stores {
		errs[i] = db.Close()
	}
	return errors.Join(errs...)
}
