package cache

import (
	"net/http"
	"strings"
)

// allowed are headers of requests that reach the upstream, although no key has them: those of HTTP
// itself, of browsers, and of traces. What an upstream makes of them it must name in Vary, as
// everybody knows of these. Of all others it cannot be trusted to: an answer that somebody
// changed by a header of his would be everybody's.
var allowed = setOf(
	"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control",
	"Cookie", "Date", "Dnt", "Host", "Origin", "Pragma", "Priority", "Save-Data", "Sec-Gpc", "Te",
	"Upgrade-Insecure-Requests", "User-Agent",
	"Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Sec-Purpose", "Purpose",
	"Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Sec-Ch-Prefers-Color-Scheme",
	"Access-Control-Request-Headers", "Access-Control-Request-Method",
	"Traceparent", "Tracestate", "X-Request-Id", "X-Correlation-Id",
	"Range", "If-Range", "If-None-Match", "If-Modified-Since",
)

// identity is the beginning of the headers in which the gateway says whom it knows a client to be.
// Such an answer is shared only where the upstream says so.
const identity = "X-Auth-"

// conditions are headers that make an answer another one, which is not to be kept.
var conditions = setOf("Range", "If-Range", "If-None-Match", "If-Modified-Since")

func setOf(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

func (c *Cache) passes(r *request, name string) bool {
	return allowed[name] || c.vary[name] || strings.HasPrefix(name, identity) && c.options.Known(r.Request)
}

// outgoing are the headers for the upstream.
func (c *Cache) outgoing(r *request, conditional bool) http.Header {
	h := make(http.Header, len(r.Header)+2)
	for name, values := range r.Header {
		switch {
		case !c.passes(r, name), !conditional && conditions[name],
			name == "Cookie" && c.options.DropCookies:
		default:
			h[name] = values
		}
	}
	delete(h, "Accept-Encoding")
	if r.coding != "" {
		h["Accept-Encoding"] = []string{r.coding}
	}
	return h
}
