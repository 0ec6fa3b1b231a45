// Package postgres keeps stores in a PostgreSQL database, each service in a schema of
// its own, with pgx and without cgo.
//
//	store: postgres://chirp@db.example/chirp
//
// The URL is that of libpq, with its options: sslmode, connect_timeout, host with several
// hosts and so on. A password belongs into the environment (PGPASSWORD, PGPASSFILE) or
// behind the user's name; as an option of the URL it is refused.
//
// # A schema for each service
//
// The connections of the service accounts have search_path set to the schema accounts,
// and nothing else: its statements name tables without a schema and meet its own. Migrate
// makes the schema if the user may. Two apps need two databases, since their services
// may have the same names. An extension belongs into the schema of the service that needs
// it: CREATE EXTENSION pgcrypto SCHEMA accounts.
//
// That is a fence and no wall: the user of the URL may reach all the schemas it has rights
// on. For a wall, give services URLs of their own in the plan, each with a user that
// owns one schema.
//
// A foreign store has the search_path of its URL or its user.
package postgres
