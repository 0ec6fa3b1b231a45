package cache

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"time"
)

// representation are fields of the body, which an answer without one leaves out.
var representation = []string{
	"Content-Type", "Content-Length", "Content-Encoding", "Content-Language", "Content-Range",
}

// serve answers a request by an entry whose body is whole. status is what Cache-Status says; "": that
// it was a hit.
func (e *entry) serve(w http.ResponseWriter, r *request, status string, now time.Time) {
	if e.head(w, r, status, now, true) && r.Method != http.MethodHead {
		_, _ = w.Write(e.body) // the client is gone if this fails
	}
}

// head writes the header; true: the body is to follow. whole: it is there.
func (e *entry) head(w http.ResponseWriter, r *request, status string, now time.Time, whole bool) bool {
	h := w.Header()
	if e.isUnchanged(r.Header, now) {
		e.putFields(h, representation)
		e.putStatus(h, status, now)
		w.WriteHeader(http.StatusNotModified)
		return false
	}
	if whole && r.Method == http.MethodGet && len(r.Header["Range"]) > 0 && e.hasParts() {
		e.putFields(h, []string{"Content-Length"})
		e.putStatus(h, status, now)
		modified, _ := http.ParseTime(e.modified) // its zero is unknown there, too
		http.ServeContent(w, e.withoutConditions(r), "", modified, bytes.NewReader(e.body))
		return false
	}
	e.putFields(h, nil)
	e.putStatus(h, status, now)
	w.WriteHeader(e.status)
	return true
}

func (e *entry) putFields(h http.Header, without []string) {
	for i := range e.fields {
		f := &e.fields[i]
		if without != nil && slices.Contains(without, f.name) || f.name == "Cache-Status" {
			continue
		}
		put(h, f.name, f.values)
	}
}

// put adds to what the layers outside have set.
func put(h http.Header, name string, values []string) {
	if have := h[name]; have != nil {
		values = append(slices.Clip(have), values...)
	}
	h[name] = values
}

func (e *entry) putStatus(h http.Header, status string, now time.Time) {
	t := e.tell(now)
	h["Age"] = t.header
	if status == "" {
		h["Cache-Status"] = t.status
		return
	}
	h["Cache-Status"] = []string{e.joinStatus(status)}
}

// hasParts tells whether ranges of the body can be served. One that was encoded on the way has no
// strong tag: parts of it must not meet those of another encoding.
func (e *entry) hasParts() bool {
	return e.status == http.StatusOK &&
		(e.field("Content-Encoding") == nil || e.etag != "" && !strings.HasPrefix(e.etag, "W/"))
}

// withoutConditions leaves of a request what package http needs for its ranges: conditions
// have been looked at.
func (e *entry) withoutConditions(r *request) *http.Request {
	out := &http.Request{Method: r.Method, Header: http.Header{}}
	for _, name := range []string{"Range", "If-Range"} {
		if v := r.Header[name]; v != nil {
			out.Header[name] = v
		}
	}
	return out
}

// isUnchanged tells whether a client has what it asks for already (RFC 9110, 13.2.2).
func (e *entry) isUnchanged(h http.Header, now time.Time) bool {
	if e.status != http.StatusOK {
		return false
	}
	if lines, ok := h["If-None-Match"]; ok {
		return hasTag(lines, e.etag)
	}
	lines := h["If-Modified-Since"]
	if len(lines) == 0 {
		return false
	}
	since, err := http.ParseTime(lines[0])
	if err != nil {
		return false
	}
	modified, err := http.ParseTime(e.modified)
	if err != nil {
		if modified, err = http.ParseTime(joined(e.field("Date"))); err != nil {
			modified = now
		}
	}
	return !modified.After(since)
}

// hasTag compares weakly.
func hasTag(lines []string, tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for _, line := range lines {
		for line != "" {
			line = strings.TrimLeft(line, " \t,")
			if strings.HasPrefix(line, "*") {
				return true
			}
			line = strings.TrimPrefix(line, "W/")
			if !strings.HasPrefix(line, `"`) {
				break // no tag, so nothing behind it can be told apart
			}
			end := strings.IndexByte(line[1:], '"') + 2
			if end < 2 {
				break
			}
			if line[:end] == tag {
				return true
			}
			line = line[end:]
		}
	}
	return false
}

// merge makes of an answer and a 304 the answer as it is now (RFC 9111, 3.2 and 4.3.4), and tells
// whether that may be kept.
func (c *Cache) merge(old *entry, r *request, h http.Header, sent, now time.Time) (merged *entry, keep bool) {
	header := make(http.Header, len(old.fields)+len(h))
	for _, f := range old.fields {
		if f.name != "Date" {
			header[f.name] = f.values
		}
	}
	for name, values := range h {
		switch {
		case slices.Contains(representation, name), name == "Etag" && old.etag != "":
		case name == "Vary":
			header[name] = union(header[name], values) // a layer between may have named more
		default:
			header[name] = values
		}
	}
	merged = c.judge(r, old.status, header, sent, now)
	if keep = merged != nil; !keep {
		merged = &entry{status: old.status, etag: old.etag, modified: old.modified, born: now}
	}
	merged.fields, merged.size = fieldsOf(header, now)
	merged.body = old.body
	return merged, keep
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
