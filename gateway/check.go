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

const mostStatus = 599 // RFC 9110, 15

func notNegative[T cmp.Ordered](c *compiler, value T, way ...any) {
	if value < *new(T) {
		c.mistake(fmt.Sprintf("%v is negative", value), "leave it out for the default", way...)
	}
}
