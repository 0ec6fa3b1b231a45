package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/kerf-go/kerf/store"
)

// Fault goes by the SQLSTATE where the server has told one, else by what became of
// the connection.
func (Driver) Fault(err error) store.Fault {
	if failed, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return connectFault(failed)
	}
	if told, ok := errors.AsType[*pgconn.PgError](err); ok {
		return serverFault(told)
	}
	if errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err) {
		return store.Unsent
	}
	broken := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgconn.ErrConnClosed) // not safe to retry: it broke while it was waiting for the answer
	if _, ok := errors.AsType[net.Error](err); (ok || broken) && !ended(err) {
		return store.Lost
	}
	return store.Other
}

func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// connectFault: a server that refuses this user or has no such database will do so
// again; all else passes, such as a server that starts up or has too many connections.
func connectFault(err error) store.Fault {
	switch code := codeOf(err); {
	case strings.HasPrefix(code, "28"), strings.HasPrefix(code, "3D"), strings.HasPrefix(code, "42"),
		strings.HasPrefix(code, "22"):
		return store.Other
	}
	return store.Away
}

func serverFault(told *pgconn.PgError) store.Fault {
	switch {
	case told.Code == "40001", told.Code == "40P01": // serialization failure, deadlock
		return store.Conflict
	case told.SeverityUnlocalized == "FATAL", told.SeverityUnlocalized == "PANIC", strings.HasPrefix(told.Code, "08"):
		return store.Lost
	}
	return store.Other
}
