// Package web is the site of Chirp: a back end for the front end. It renders
// pages, holds no store, and knows the other services by their generated clients
// alone. What fails behind it leaves a gap on the page, with a word about it.
//
// In an app it is one more service:
//
//	app := kerf.App{Name: "chirp", Services: []kerf.Service{accounts.Service(), web.Service()}}
//
// Without Kerf it is an http.Handler, made from any clients:
//
//	site, err := web.New(web.Clients{Accounts: accountsv1.NewAccountsClient(conn)}, web.Options{})
//	server := &http.Server{Handler: site}
//	server.RegisterOnShutdown(func() { _ = site.Close() }) // live updates never end by themselves
//
// The way of a request: security headers, cross-origin check, body limit, CSRF
// token, session (asked for while the page gathers what needs no session), page.
package web
