package cache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// entry is an answer that is kept. Nothing of it changes once it is in the store, but what is
// atomic and what its store's mutex guards.
type entry struct {
	place    place
	route    string
	extra    string
	vary     []varied
	personal bool // it was told to one who can be known
	shared   bool // the upstream has said that all may have it
	passed   bool // it is no answer: such requests are not kept waiting for each other

	status        int
	fields        []field // of the header, as a client is to get them
	body          []byte
	etag          string
	modified      string
	born          time.Time // when its age was 0
	lifetime      time.Duration
	noCache       bool // it is checked each time
	strict        bool // nothing stale may be served of it
	strictlyFresh bool // nor is it for clients and routes to say so

	staleWhileRevalidate, staleIfError seconds

	told       atomic.Pointer[told]
	refreshing atomic.Bool
	used       atomic.Bool // since the hand of the store's clock came by

	newer, older *entry // guarded by Store.mu, as is size
	size         int64
}

// field is a header of an answer. Its values are shared by all that are served, and have no
// room beyond their length: who adds one makes a copy.
type field struct {
	name   string
	values []string
}

// told is what an answer says of its age, prepared for a second.
type told struct {
	age    int64
	header []string // Age
	status []string // Cache-Status of a hit
}

// dropped are fields that belong to a connection (RFC 9111, 3.1), and those written anew.
var dropped = []string{
	"Connection", "Proxy-Connection", "Keep-Alive", "Te", "Transfer-Encoding", "Upgrade", "Trailer",
	"Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Age",
}

// fieldsOf takes over a header; size is how many bytes it holds.
func fieldsOf(h http.Header, now time.Time) (fields []field, size int64) {
	named := strings.Join(h["Connection"], ",")
	for name, values := range h {
		if len(values) == 0 || slices.Contains(dropped, name) || named != "" && names(named, name) {
			continue
		}
		fields = append(fields, field{name, slices.Clip(values)})
	}
	if len(h["Date"]) == 0 {
		fields = append(fields, field{"Date", []string{now.UTC().Format(http.TimeFormat)}})
	}
	for _, f := range fields {
		size += int64(len(f.name) + 48)
		for _, v := range f.values {
			size += int64(len(v) + 16)
		}
	}
	return fields, size
}

// names tells whether a list of names has one.
func names(list, name string) bool {
	for part := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(trim(part), name) {
			return true
		}
	}
	return false
}

func (e *entry) field(name string) []string {
	for _, f := range e.fields {
		if f.name == name {
			return f.values
		}
	}
	return nil
}

// suits tells whether a request may be given the answer, its age left aside.
func (e *entry) suits(r *request) bool {
	if e.passed {
		return e.personal == r.personal && e.sameAs(r)
	}
	return (e.shared || !r.personal) && e.sameAs(r)
}

// sameAs tells whether the key of a request is that of the answer.
func (e *entry) sameAs(r *request) bool {
	if e.route != r.route || e.extra != r.extra {
		return false
	}
	for i := range e.vary {
		if r.value(e.vary[i].name) != e.vary[i].value {
			return false
		}
	}
	return true
}

// tell prepares what is said of the age.
func (e *entry) tell(now time.Time) *told {
	age := int64(now.Sub(e.born) / time.Second)
	if t := e.told.Load(); t != nil && t.age == age {
		return t
	}
	status := statusName + "; hit; ttl=" + strconv.FormatInt(int64(e.lifetime/time.Second)-age, 10)
	t := &told{age: age, header: []string{strconv.FormatInt(age, 10)}, status: []string{e.joinStatus(status)}}
	e.told.Store(t)
	return t
}

// statusName is what this cache calls itself in Cache-Status.
const statusName = "kerf"

// joinStatus puts ours behind those of caches nearer to the origin (RFC 9211, 2).
func (e *entry) joinStatus(ours string) string {
	if before := e.field("Cache-Status"); before != nil {
		return joined(before) + ", " + ours
	}
	return ours
}
