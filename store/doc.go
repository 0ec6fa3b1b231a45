// Package store opens the SQL stores of services: each service its own, with its
// migrations applied, its transactions taking turns where the store has a single
// writer, and a span for each statement.
//
//	db, err := store.Open(ctx, "sqlite:data", "accounts", []store.Driver{sqlite.Driver{}}, store.Options{})
//	...
//	err = db.Migrate(ctx, migrations)
//	err = db.InTx(ctx, func(tx *sql.Tx) error { ... }) // may run the function again
//	err = db.Read(ctx, func(tx *sql.Tx) error { ... }) // the same, and writes nothing
//
// # When the database fails
//
// Connections are made when they are needed. While the database is away, callers
// wait for it as long as Options.ConnWait says and try again after pauses that grow
// and are random (full jitter), one caller at a time; then they get ErrAway.
// A connection that was idle is checked before it is used.
//
// A statement is repeated only when nothing of it was sent. A transaction of InTx is
// repeated when it was certainly rolled back: the database chose it as the victim of a
// conflict (a serialization failure, a deadlock, another process that writes), or its
// connection was lost before the commit was sent. One of Read is repeated also after a
// lost commit, since it must not write. Nothing is tried more than 10 times, or
// beyond the context's deadline.
//
// Metrics of the pool, each with the label service, are registered by package run:
//
//	kerf_store_connections_max, _open, _in_use   the connections there may be, are, and are held
//	kerf_store_waits_total, wait_seconds_total   waits for a connection
//	kerf_store_refused_total                     waits that were in vain
//	kerf_store_repeats_total                     transactions tried again
//
// The errors have gRPC statuses of their own, which a handler that returns or wraps one
// passes on: see ErrBusy, ErrAway, ErrLost, ErrNoConn and ErrPending. Where the database
// is, and what it said, is in the errors and so in the log; callers are not told. Of an
// error that a handler wraps package seam sees to that: gRPC by itself tells the whole. A
// statement's own error, such as that of a broken constraint, is the handler's to translate.
package store
