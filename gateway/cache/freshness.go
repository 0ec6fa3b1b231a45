package cache

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// understood are statuses whose rules for caches are kept here, which must-understand asks for.
var understood = []int{
	200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 414, 451,
	500, 501, 502, 503, 504,
}

// assumed are statuses whose answers may be kept although they say nothing of how long,
// if the route says it. Errors are not among them: one that somebody brings about by an odd
// request would be everybody's.
var assumed = []int{200, 203, 300, 301, 308}

// unkept are statuses that no cache may keep (RFC 6585).
var unkept = []int{
	http.StatusPreconditionRequired, http.StatusTooManyRequests, http.StatusRequestHeaderFieldsTooLarge,
	http.StatusNetworkAuthenticationRequired,
}

// isStream tells of answers that are to be read as they come, and of which a part says more than all, later.
func isStream(h http.Header) bool {
	kind, _, _ := strings.Cut(first(h, "Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "text/event-stream", "application/x-ndjson", "application/ndjson", "multipart/x-mixed-replace":
		return true
	}
	return false
}

const (
	heuristicShare = 10             // of the time since Last-Modified (RFC 9111, 4.2.2)
	heuristicMost  = 24 * time.Hour // beyond which nobody should guess
)

// judge makes an entry of an answer's header, or finds that it must not be kept: nil. sent
// is when it was asked for, now when its header came.
func (c *Cache) judge(r *request, code int, h http.Header, sent, now time.Time) *entry {
	d := parseControl(h["Cache-Control"])
	switch {
	case d.malformed, d.private, len(h["Trailer"]) > 0, slices.Contains(unkept, code), isStream(h),
		code < http.StatusOK, code == http.StatusPartialContent, code == http.StatusNotModified,
		d.noStore && !d.mustUnderstand,
		d.mustUnderstand && !slices.Contains(understood, code),
		len(h["Set-Cookie"]) > 0, len(h["Content-Range"]) > 0:
		return nil
	}
	shared := d.public || d.sharedMaxAge != none || d.mustRevalidate
	if r.personal && !shared {
		return nil
	}
	vary, ok := varyOf(h, r)
	if !ok {
		return nil
	}
	e := r.entry()
	e.shared, e.vary = shared, vary
	e.status, e.noCache, e.strict = code, d.noCache, d.mustRevalidate || d.proxyRevalidate
	e.etag, e.modified = first(h, "Etag"), first(h, "Last-Modified")
	e.staleWhileRevalidate, e.staleIfError = d.staleWhileRevalidate, d.staleIfError
	e.born = born(h, sent, now)
	var told bool
	if e.lifetime, told = c.lifetime(code, h, &d, now); !told {
		return nil
	}
	e.strictlyFresh = e.strict || d.sharedMaxAge != none
	if !e.strictlyFresh {
		if e.staleWhileRevalidate == none {
			e.staleWhileRevalidate = seconds(c.options.StaleWhileRevalidate / time.Second)
		}
		if e.staleIfError == none {
			e.staleIfError = seconds(c.options.StaleIfError / time.Second)
		}
	}
	if e.lifetime <= now.Sub(e.born) && e.etag == "" && e.modified == "" && !e.mayBeStale() {
		return nil // nobody could ever use it
	}
	return e
}

// lifetime is how long an answer is fresh after its birth; false: neither it nor the route
// tells.
func (c *Cache) lifetime(code int, h http.Header, d *directives, now time.Time) (time.Duration, bool) {
	switch {
	case d.sharedMaxAge != none:
		return d.sharedMaxAge.duration(), true
	case d.maxAge != none:
		return d.maxAge.duration(), true
	}
	date := dateOf(h, now)
	if expires, ok := h["Expires"]; ok {
		at, err := http.ParseTime(expires[0])
		if err != nil || len(expires) > 1 {
			return 0, true // such as 0: it has expired
		}
		return max(at.Sub(date), 0), true
	}
	if slices.Contains(assumed, code) && !d.noCache {
		if c.options.TTL > 0 {
			return c.options.TTL, true
		}
		modified, err := http.ParseTime(first(h, "Last-Modified"))
		if err == nil && c.options.Heuristic && modified.Before(date) {
			return min(date.Sub(modified)/heuristicShare, heuristicMost), true
		}
	}
	return 0, d.public || d.noCache || d.mustRevalidate
}

// born is when an answer's age was 0 (RFC 9111, 4.2.3).
func born(h http.Header, sent, now time.Time) time.Time {
	apparent := max(now.Sub(dateOf(h, now)), 0).Truncate(time.Second) // as a date is
	told := max(parseSeconds(first(h, "Age")), 0)
	return now.Add(-max(apparent, told.duration()+now.Sub(sent)))
}

func dateOf(h http.Header, otherwise time.Time) time.Time {
	if date, err := http.ParseTime(first(h, "Date")); err == nil {
		return date
	}
	return otherwise
}

func first(h http.Header, name string) string {
	if lines := h[name]; len(lines) > 0 {
		return lines[0]
	}
	return ""
}

// use is what may become of an entry for a request.
type use int

const (
	serveIt   use = iota
	refreshIt     // serve it, and ask the upstream in the background
	checkIt       // ask the upstream first
)

// use tells whether an entry may answer a request as it is (RFC 9111, 4).
func (e *entry) use(d *directives, now time.Time) use {
	age := now.Sub(e.born)
	left := e.lifetime - age
	switch {
	case e.noCache, d.noCache, d.maxAge == 0, d.maxAge != none && age > d.maxAge.duration():
		return checkIt
	case left > 0 && left >= d.minFresh.duration():
		return serveIt
	case left > 0 || e.strict: // min-fresh wants more, or nothing stale may be served
		return checkIt
	case d.maxStale != none && !e.strictlyFresh && -left <= d.maxStale.duration():
		return serveIt
	case d.minFresh == none && -left < e.staleWhileRevalidate.duration():
		return refreshIt
	}
	return checkIt
}

// mayBeStale tells of an entry that can be of use after its time.
func (e *entry) mayBeStale() bool {
	return !e.noCache && !e.strict && (e.staleWhileRevalidate > 0 || e.staleIfError > 0)
}

// servesErrors tells whether an entry may stand in for an upstream that fails.
func (e *entry) servesErrors(now time.Time) bool {
	return e.mayBeStale() && now.Sub(e.born)-e.lifetime < e.staleIfError.duration()
}
