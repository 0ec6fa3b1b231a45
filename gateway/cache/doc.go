// Package cache answers requests from memory where an upstream has said that it may: a
// shared cache as RFC 9111 has it, with stale-while-revalidate and stale-if-error (RFC 5861)
// and Cache-Status (RFC 9211).
//
//	store := cache.NewStore(cache.Limits{})
//	defer store.Close()
//	http.Handle("/", store.Layer(cache.Options{Route: "pages"}, next))
//
// A request passes, in this order:
//
//	what it asks for, and who may be given the same   request.go, vary.go, control.go
//	what is kept, and whether it may be used           store.go, evict.go, freshness.go
//	one of several that ask at once goes on           flight.go, fetch.go, recorder.go
//	the answer, or the part of it that is asked for    entry.go, serve.go, body.go
//
// What an answer may depend on, its key knows: scheme, host, path and query as they are,
// and the headers that Vary names. Other headers do not reach the upstream, those of HTTP
// itself left aside (headers.go). What is told to somebody with a cookie, Authorization or a
// name that the gateway knows is kept only if the upstream says in words that all may have it.
package cache
