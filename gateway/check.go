package gateway

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
)

// checkValues tells of values that have the right form and cannot be meant.
func (c *compiler) checkValues() {
	l := c.config.Limits
	notNegative(c, l.Header, "limits", "header")
	notNegative(c, l.HeaderTime, "limits", "header_time")
	notNegative(c, l.IdleTime, "limits", "idle_time")
	notNegative(c, l.Streams, "limits", "streams")
	notNegative(c, l.DrainTime, "limits", "drain_time")
	for name, u := range c.config.Upstreams {
		notNegative(c, u.Timeout, "upstreams", name, "timeout")
		if u.Host != "" && u.Host != "keep" && u.Host != "url" {
			c.mistake(fmt.Sprintf("host is %q", u.Host), "write keep or url", "upstreams", name, "host")
		}
		c.checkPolicies(name, u)
		if u.Health == nil {
			continue
		}
		notNegative(c, u.Health.Every, "upstreams", name, "health", "every")
		if !strings.HasPrefix(u.Health.Path, "/") {
			c.mistake("the path of a health check begins with a slash", "", "upstreams", name, "health", "path")
		}
	}
	for i, r := range c.config.Routes {
		notNegative(c, r.Timeout, "routes", i, "timeout")
		if r.Rewrite != "" && r.Rewrite[0] != '/' {
			c.mistake("a path begins with a slash", "", "routes", i, "rewrite")
		}
		if a := r.Answer; a != nil && a.Code != 0 && (a.Code < http.StatusOK || a.Code > mostStatus) {
			c.mistake(fmt.Sprintf("%d is no status of an answer", a.Code), "use one from 200 to 599",
				"routes", i, "answer", "code")
		}
	}
}

// checkPolicies tells of policies that the rest of an upstream makes void.
func (c *compiler) checkPolicies(name string, u upstreamConfig) {
	balance, retry := u.Policies.Balance(), u.Policies.Settings().Retry
	switch {
	case u.Health != nil && balance.PassOver < 0:
		c.mistake("with balance: off all servers take requests, whatever health finds",
			"leave out one of them", "upstreams", name, "policies", "balance")
	case u.Health == nil && balance.Silence > 0:
		c.mistake("balance has a silence, and without health nobody notices it",
			"leave out silence, or write health: {path: /healthz}", "upstreams", name, "policies", "balance")
	}
	if retry != nil && retry.Timeout >= u.timeout() {
		c.mistake(fmt.Sprintf("no attempt takes %v, since the upstream's timeout is %v", retry.Timeout, u.timeout()),
			"write a longer timeout of the upstream, or leave out that of retry",
			"upstreams", name, "policies", "retry")
	}
}

const mostStatus = 599 // RFC 9110, 15

func notNegative[T cmp.Ordered](c *compiler, value T, way ...any) {
	if value < *new(T) {
		c.mistake(fmt.Sprintf("%v is negative", value), "leave it out for the default", way...)
	}
}
