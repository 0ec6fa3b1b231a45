// Package plan reads plans: which services of an app share a process, which link
// joins the processes, and how long a caller waits.
//
// A plan is pure data. It is parsed, defaults are filled in, and it is checked
// against a Model of what the app's services declare and what its links can do.
// No service is built and no network used, so a plan can be checked anywhere.
//
//	p, err := plan.Resolve("plans/http.yaml", model)
//	if err != nil {
//		return err // every mistake: file:line:column: what is wrong; what would be right
//	}
//	web, _ := p.Process("web")
//	fmt.Println(web.Web, p.Home("accounts"), p.Deadline("chirp.accounts.v1.Accounts/LogIn"))
//	err = p.DecodeConfig("web", &config)
//
// Without a plan, Monolith puts every service into one process. Package run
// starts what a Plan says; this package only says it.
//
// A file reads so:
//
//	version: 1
//	app: chirp
//	link: http                 # how processes reach each other, unless they say otherwise
//	processes:
//	  edge: {services: [web], web: 127.0.0.1:8080}
//	  rest: {services: [accounts, follows, messages, notify]}
//	policies:                  # how calls fail early: docs/patterns
//	  accounts: {breaker: {open: 1s}}
//	methods:                   # what holds for single methods
//	  chirp.accounts.v1.Accounts/LogIn: {deadline: 10s}
//	  chirp.notify.v1.Notify/Deliver: {wait: sent} # its callers do not wait for the reply
//	config:
//	  web: {title: "${env:TITLE:-Chirp}", key: "${file:key}"}
//
// A plan that works and had better be otherwise has Warnings: of pages that wait on a chain of
// more than two calls between processes, where a hop within a process is no such wait; of
// pages without an address, or an address without pages; of policies that do nothing, as more
// specific ones, or methods, say all that they say, or no process has their service; and of waits
// for a store's connection that are longer than any caller's.
//
// Schema has all keys. Relative paths, those of a store and of ${file:path}, start at the
// plan's folder. Resolve checks how each ${...} is written; DecodeConfig reads what the one
// service names, so that a process needs only its own services' secrets.
package plan
