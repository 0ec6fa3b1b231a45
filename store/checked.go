package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"
)

// checked is a driver's connection that is checked before it is used after idleness,
// and that tells a statement's context when it is used.
type checked struct {
	driver.Conn
	bound time.Duration // of a check
	used  time.Time     // when it was last known to be good
}

var (
	_ driver.Pinger             = (*checked)(nil)
	_ driver.ExecerContext      = (*checked)(nil)
	_ driver.QueryerContext     = (*checked)(nil)
	_ driver.ConnPrepareContext = (*checked)(nil)
	_ driver.ConnBeginTx        = (*checked)(nil)
	_ driver.SessionResetter    = (*checked)(nil)
	_ driver.Validator          = (*checked)(nil)
	_ driver.NamedValueChecker  = (*checked)(nil)
)

// idle is how long a connection may be unused and still count as good.
const idle = time.Second

// checkKey marks contexts of those who want a connection that was checked, however
// short it was idle: another one has just been lost.
type checkKey struct{}

func mustCheck(ctx context.Context) context.Context { return context.WithValue(ctx, checkKey{}, true) }

// ResetSession is called before each use but the first.
func (c *checked) ResetSession(ctx context.Context) error {
	must := ctx.Value(checkKey{}) != nil
	ctx = looking(ctx)
	if inner, ok := c.Conn.(driver.SessionResetter); ok {
		if err := inner.ResetSession(ctx); err != nil {
			return err
		}
	}
	if must || time.Since(c.used) > idle {
		ctx, cancel := context.WithTimeout(ctx, c.bound)
		defer cancel()
		if inner, ok := c.Conn.(driver.Pinger); ok && inner.Ping(ctx) != nil {
			return driver.ErrBadConn
		}
	}
	c.used = time.Now()
	return nil
}

// IsValid is the driver's word, if it has one.
func (c *checked) IsValid() bool {
	inner, ok := c.Conn.(driver.Validator)
	return !ok || inner.IsValid()
}

// CheckNamedValue is the driver's, if it has one.
func (c *checked) CheckNamedValue(v *driver.NamedValue) error {
	if inner, ok := c.Conn.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// Raw is the driver's own connection.
func (c *checked) Raw() driver.Conn { return c.Conn }

// Ping is the driver's.
func (c *checked) Ping(ctx context.Context) error {
	inner, ok := c.Conn.(driver.Pinger)
	if !ok {
		return nil
	}
	_, err := using(ctx, func() (any, error) { return nil, inner.Ping(ctx) })
	return err
}

// ExecContext is the driver's.
func (c *checked) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	inner, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	return using(ctx, func() (driver.Result, error) { return inner.ExecContext(ctx, query, args) })
}

// QueryContext is the driver's.
func (c *checked) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	inner, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	return using(ctx, func() (driver.Rows, error) { return inner.QueryContext(ctx, query, args) })
}

// PrepareContext is the driver's.
func (c *checked) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return using(ctx, func() (driver.Stmt, error) {
		if inner, ok := c.Conn.(driver.ConnPrepareContext); ok {
			return inner.PrepareContext(ctx, query)
		}
		return c.Prepare(query)
	})
}

// BeginTx is the driver's, which must have it: options cannot be had otherwise.
func (c *checked) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	inner, ok := c.Conn.(driver.ConnBeginTx)
	if !ok {
		return nil, errors.New("this driver knows no options of transactions")
	}
	return using(ctx, func() (driver.Tx, error) { return inner.BeginTx(ctx, o) })
}

// using tells the context that the connection is found, unless it turns out to be bad.
func using[T any](ctx context.Context, statement func() (T, error)) (T, error) {
	acquired(ctx, true)
	v, err := statement()
	if errors.Is(err, driver.ErrBadConn) {
		acquired(ctx, false)
	}
	return v, err
}
