// Package store opens the SQL stores of services: each service its own, with its
// migrations applied, its transactions taking turns where the store has a single
// writer, and a span for each statement.
//
//	db, err := store.Open(ctx, "sqlite:data", "accounts", []store.Driver{sqlite.Driver{}}, store.Options{})
//	...
//	err = db.Migrate(ctx, migrations)
//	err = db.InTx(ctx, func(tx *sql.Tx) error { ... })
package store
