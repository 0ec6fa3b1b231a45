package cache

import (
	"net/http"
	"net/url"
	"strings"
)

// place is what a URL names, for all routes and requests alike.
type place struct{ scheme, host, path, query string }

// request is what the cache reads of a request.
type request struct {
	*http.Request
	place    place
	route    string
	extra    string // the values of the route's own key headers
	coding   string // of Accept-Encoding
	control  directives
	personal bool // it has what tells who asks: its answer may be meant for him alone
}

// longestPlace is how long a URL may be for its answer to be kept.
const longestPlace = 8 << 10

// read makes a request ready. It allocates nothing for most.
func (c *Cache) read(r *http.Request) request {
	scheme, host := c.options.Origin(r)
	q := request{
		Request: r, route: c.options.Route, coding: codingOf(r.Header),
		place:   place{scheme, host, pathOf(r.URL), c.queryOf(r.URL.RawQuery)},
		control: parseControl(r.Header["Cache-Control"]),
	}
	if len(r.Header["Cache-Control"]) == 0 && strings.Contains(strings.Join(r.Header["Pragma"], ","), "no-cache") {
		q.control.noCache = true
	}
	for _, name := range c.options.Vary {
		q.extra += joined(r.Header[name]) + "\n"
	}
	q.personal = len(r.Header["Authorization"]) > 0 || !c.options.DropCookies && len(r.Header["Cookie"]) > 0 ||
		c.options.Known(r)
	return q
}

func pathOf(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath // the gateway has put it into its one form
	}
	return u.EscapedPath()
}

// queryOf keeps of a query what the route wants of it. The rest does not reach the upstream.
func (c *Cache) queryOf(raw string) string {
	if c.options.Query == nil || raw == "" {
		return raw
	}
	var kept []string
	for part := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil && c.query[plain] && !strings.Contains(part, ";") {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

// isKeepable tells of requests whose answers may come from the store or go there.
func (r *request) isKeepable() bool {
	h := r.Header
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		r.ContentLength == 0 && len(r.TransferEncoding) == 0 && // some servers read what a GET brings
		len(h["Upgrade"]) == 0 &&
		len(h["If-Match"]) == 0 && len(h["If-Unmodified-Since"]) == 0 && // for the origin alone
		len(r.place.path)+len(r.place.query)+len(r.place.host)+len(r.extra) <= longestPlace
}

// isSafe tells of methods that change nothing (RFC 9110, 9.2.1).
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead ||
		method == http.MethodOptions || method == http.MethodTrace
}

// entry makes an entry with the key of a request. The texts of its place are copied: they are
// parts of larger ones.
func (r *request) entry() *entry {
	p := place{
		strings.Clone(r.place.scheme), strings.Clone(r.place.host),
		strings.Clone(r.place.path), strings.Clone(r.place.query),
	}
	return &entry{place: p, route: r.route, extra: r.extra, personal: r.personal}
}
