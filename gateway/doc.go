// Package gateway is the one entry for clients: it routes requests to HTTP servers, to
// the services of an app and to files, and takes off them what all would need.
//
//	document, err := plan.ReadDocument("gateway.yaml", text)
//	g, err := gateway.New(document, gateway.Options{})
//	defer g.Close()
//	http.ListenAndServe("127.0.0.1:8080", g)
//
// In a plan it is a service like any other: see Service. A request passes, in this order:
//
//	its framing, read strictly             strict.go, conn.go, on the gateway's own listeners
//	what it may be, and what is dropped    hop.go
//	its path in one form, its client       path.go, forward.go
//	the access log and metrics             log.go, metrics.go
//	the first route that matches           match.go, route.go
//	limits of its body                     limits.go
//	pages of which sites, who calls        cors.go; auth.go and package auth
//	what else it asks for, the action      proxy.go, files.go, redirect.go; calls by package transcode and rpc.go
//
// A configuration is compiled beside the one in use, and swapped in one step. Requests
// that run, upgraded connections among them, end by the one that they began with.
// Upstreams that have not changed keep their connections and breakers, and what is gone from
// the configuration is closed once no request needs it: see uses.go.
package gateway
