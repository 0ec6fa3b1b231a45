package lessons

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/kerf-go/kerf/store"
)

// slowStore is a store of which one service's statements take longer, if they are to.
type slowStore struct {
	store.Driver

	service string
	takes   *atomic.Int64 // nanoseconds
}

func (s slowStore) Open(ctx context.Context, u *url.URL, service string, o store.Options) (driver.Connector, error) {
	c, err := s.Driver.Open(ctx, u, service, o)
	if err != nil || service != s.service {
		return c, err
	}
	return slowConnector{c, s.takes}, nil
}

type slowConnector struct {
	driver.Connector

	takes *atomic.Int64
}

func (c slowConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	able, ok := conn.(sqlConn)
	if !ok {
		return nil, fmt.Errorf("%T cannot be slowed down", conn)
	}
	return slowConn{able, c.takes}, nil
}

// sqlConn is what connections of the stores that come along can do.
type sqlConn interface {
	driver.Conn
	driver.Pinger
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.SessionResetter
	driver.Validator
}

type slowConn struct {
	sqlConn

	takes *atomic.Int64
}

func (c slowConn) wait(ctx context.Context) error {
	takes := time.Duration(c.takes.Load())
	if takes == 0 {
		return nil
	}
	timer := time.NewTimer(takes)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c slowConn) Ping(ctx context.Context) error {
	if err := c.wait(ctx); err != nil {
		return err
	}
	return c.sqlConn.Ping(ctx)
}

func (c slowConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	return c.sqlConn.ExecContext(ctx, query, args)
}

func (c slowConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	return c.sqlConn.QueryContext(ctx, query, args)
}
