// Package run is the engine: an app's commands, and the life of one of its
// processes. It knows no link and no store by name; package kit brings those.
//
//	err := run.Exec(ctx, app, batteries, os.Args[1:], os.Stdout, os.Stderr)
//
// A process goes through these stages:
//
//	plan -> listeners bound -> each service's New -> serving -> ready
//	     -> not ready -> pages, calls from outside and background work drain
//	     -> sent calls, then calls within the process drain -> OnStop -> stores closed
package run
