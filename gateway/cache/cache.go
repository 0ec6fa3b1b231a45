package cache

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Options say what of a route is kept, and for how long. Their zero value is valid.
type Options struct {
	// Route keeps its answers apart from those of others for the same URL.
	Route string
	// TTL is for how long answers are fresh that say nothing of it; 0: these are not kept.
	TTL time.Duration
	// Heuristic takes for it a tenth of the time since Last-Modified, a day at most.
	Heuristic bool
	// StaleWhileRevalidate and StaleIfError are for answers that say nothing of these, and do not
	// forbid it; 0: not at all.
	StaleWhileRevalidate, StaleIfError time.Duration
	// Vary are headers on which every answer depends, beside those that it names itself.
	Vary []string
	// Query are the parameters that count; the others do not reach the upstream. nil: the query
	// counts as it is.
	Query []string
	// DropCookies keeps cookies from the upstream, so that no answer depends on them.
	DropCookies bool

	// Origin is the scheme and host that a client asks for, as the upstream sees them. What else it
	// sees of these may follow the host after a space. nil: those of the request.
	Origin func(*http.Request) (scheme, host string)
	// Known tells of requests whose caller is known by other than Authorization and Cookie. nil: there
	// are none.
	Known func(*http.Request) bool
	// Detach makes of a request's context one that outlives the request. nil: context.WithoutCancel.
	Detach func(context.Context) context.Context
}

// Cache answers what it can from its store, and hands on the rest. It is safe for
// concurrent use.
type Cache struct {
	store   *Store
	options Options
	next    http.Handler
	query   map[string]bool
	vary    map[string]bool
}

var _ http.Handler = (*Cache)(nil)

// Layer puts a cache before a handler.
func (s *Store) Layer(o Options, next http.Handler) *Cache {
	if o.Origin == nil {
		o.Origin = originOf
	}
	if o.Known == nil {
		o.Known = func(*http.Request) bool { return false }
	}
	if o.Detach == nil {
		o.Detach = context.WithoutCancel
	}
	canonical := make([]string, len(o.Vary))
	for i, name := range o.Vary {
		canonical[i] = http.CanonicalHeaderKey(name)
	}
	o.Vary = canonical
	return &Cache{store: s, options: o, next: next, query: setOf(o.Query...), vary: setOf(o.Vary...)}
}

func originOf(r *http.Request) (scheme, host string) {
	if r.TLS != nil {
		return "https", r.Host
	}
	return "http", r.Host
}

// ServeHTTP answers a request.
func (c *Cache) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	if !isSafe(in.Method) {
		c.change(w, in, statusName+"; fwd=method")
		return
	}
	r := c.read(in)
	if !r.isKeepable() {
		reason := "bypass"
		if r.Method == http.MethodOptions || r.Method == http.MethodTrace {
			reason = "method"
		}
		c.next.ServeHTTP(&plain{ResponseWriter: w, status: statusName + "; fwd=" + reason}, in)
		return
	}
	now := time.Now()
	e, others := c.store.find(&r, now)
	if e != nil && !e.passed {
		switch e.use(&r.control, now) {
		case refreshIt:
			kept := r // so that r of most requests is not on the heap
			c.refresh(&kept, e)
			fallthrough
		case serveIt:
			c.store.counts.hits.Add(1)
			if e.lifetime <= now.Sub(e.born) {
				c.store.counts.stale.Add(1)
			}
			e.serve(w, &r, "", now)
			return
		case checkIt:
		}
	}
	kept := r
	c.forward(w, &kept, e, others, now)
}

// forward asks the upstream, by itself or with others.
func (c *Cache) forward(w http.ResponseWriter, r *request, e *entry, others bool, now time.Time) {
	if r.control.onlyIfCached {
		w.Header()["Cache-Status"] = []string{statusName + "; detail=only-if-cached"}
		http.Error(w, "it is not in the cache", http.StatusGatewayTimeout)
		return
	}
	c.store.counts.misses.Add(1)
	passed := e != nil && e.passed
	if passed {
		e = nil
	}
	reason := "uri-miss"
	switch {
	case e != nil && !e.noCache && e.lifetime > now.Sub(e.born):
		reason = "request"
	case e != nil:
		reason = "stale"
	case others:
		reason = "vary-miss"
	}
	if r.control.noStore || r.Method == http.MethodHead || e == nil && len(r.Header["Range"]) > 0 {
		c.pass(w, r, reason)
		return
	}
	if passed { // it will hardly be of use to others
		c.fetch(&recorder{cache: c, w: w, request: r, reason: reason, passed: true})
		return
	}
	f, leads := c.store.join(r)
	if !leads && !c.follow(w, r, f, reason) || leads {
		if !leads {
			f = nil
		}
		c.fetch(&recorder{cache: c, w: w, request: r, old: e, flight: f, reason: reason})
	}
}

// follow waits for another's answer. false: it is not for this one, or takes too long.
func (c *Cache) follow(w http.ResponseWriter, r *request, f *flight, reason string) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-f.landed:
	case <-timer.C:
		return false
	case <-r.Context().Done():
		return true
	}
	if f.entry == nil || !f.entry.suits(r) {
		return false
	}
	status := statusName + "; fwd=" + reason + "; collapsed"
	if f.body == nil {
		f.entry.serve(w, r, status, time.Now())
		return true
	}
	if f.entry.head(w, r, status, time.Now(), false) && !f.body.copyTo(r.Context(), w, false) {
		panic(http.ErrAbortHandler) //nolint:forbidigo // how a handler cuts an answer short
	}
	return true
}

// pass hands a request on whose answer is not kept.
func (c *Cache) pass(w http.ResponseWriter, r *request, reason string) {
	out := r.WithContext(r.Context())
	out.Header = c.outgoing(r, true)
	out.URL = c.outgoingURL(r)
	c.next.ServeHTTP(&plain{ResponseWriter: w, status: statusName + "; fwd=" + reason}, out)
}

func (c *Cache) outgoingURL(r *request) *url.URL {
	if r.URL.RawQuery == r.place.query {
		return r.URL
	}
	u := *r.URL
	u.RawQuery = r.place.query
	return &u
}

// Watch hands all requests on to a handler, and drops what those that change something make
// untrue, for what a cache does not answer itself.
func (s *Store) Watch(o Options, next http.Handler) http.Handler {
	c := s.Layer(o, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isSafe(r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		c.change(w, r, "")
	})
}

// change hands on what may change something, and then drops what is not true any more (RFC
// 9111, 4.4).
func (c *Cache) change(w http.ResponseWriter, r *http.Request, status string) {
	p := &plain{ResponseWriter: w, status: status, changed: func(h http.Header) {
		scheme, host := c.options.Origin(r)
		c.store.invalidate(place{scheme, host, pathOf(r.URL), c.queryOf(r.URL.RawQuery)})
		for _, name := range []string{"Location", "Content-Location"} {
			u, err := url.Parse(first(h, name))
			isHere := err == nil && (u.Host == "" || u.Host == r.Host && (u.Scheme == "" || u.Scheme == scheme))
			if !isHere || first(h, name) == "" {
				continue
			}
			u = r.URL.ResolveReference(u)
			c.store.invalidate(place{scheme, host, pathOf(u), c.queryOf(u.RawQuery)})
		}
	}}
	c.next.ServeHTTP(p, r)
	if !p.begun {
		p.changed(w.Header()) // an answer of 200 that says nothing
	}
}

// plain is an answer that is not kept.
type plain struct {
	http.ResponseWriter
	status  string // for Cache-Status; "": it says nothing of us
	changed func(http.Header)
	begun   bool
}

// Unwrap lets http.ResponseController flush and hijack.
func (w *plain) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *plain) WriteHeader(code int) {
	if !w.begun && (code >= http.StatusOK || code == http.StatusSwitchingProtocols) {
		w.begun = true
		if w.status != "" {
			put(w.Header(), "Cache-Status", []string{w.status + "; fwd-status=" + strconv.Itoa(code)})
		}
		if w.changed != nil && code < http.StatusBadRequest {
			w.changed(w.Header())
		}
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *plain) Write(b []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}
