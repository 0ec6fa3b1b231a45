package cache

import (
	"net/http"
	"slices"
	"strings"

	"github.com/kerf-go/kerf/gateway/compress"
)

// varied is a header that an answer depends on, and what the request had there.
type varied struct{ name, value string }

// mostVaried is how many headers an answer may depend on, to be kept.
const mostVaried = 16

// ofConnection are headers in which the gateway tells an upstream of the client itself. An answer that
// depends on them is for one client alone.
var ofConnection = []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip"}

// varyOf finds what an answer depends on; false: on what no key can tell. One that names the page
// that may read it depends on that page's origin, whatever it says: many forget to.
func varyOf(h http.Header, r *request) ([]varied, bool) {
	var all []varied
	add := func(name string) {
		if !slices.ContainsFunc(all, func(v varied) bool { return v.name == name }) {
			all = append(all, varied{name, strings.Clone(r.value(name))})
		}
	}
	if allowed := first(h, "Access-Control-Allow-Origin"); allowed != "" && allowed != "*" {
		add("Origin")
	}
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = trim(name); name == "" {
				continue
			}
			name = http.CanonicalHeaderKey(name)
			if name == "*" || slices.Contains(ofConnection, name) {
				return nil, false
			}
			add(name)
		}
	}
	return all, len(all) <= mostVaried
}

// value is what a request has in a header, in the form in which it is compared.
func (r *request) value(name string) string {
	if name == "Accept-Encoding" {
		return r.coding
	}
	return joined(r.Header[name])
}

// joined makes one value of a header's lines (RFC 9110, 5.3).
func joined(lines []string) string {
	switch len(lines) {
	case 0:
		return ""
	case 1:
		return trim(lines[0])
	}
	return trim(strings.Join(lines, ", "))
}

// codingOf is what a request accepts, in a form that is the same for all that are to get the
// same. It goes to the upstream in this form.
func codingOf(h http.Header) string { return compress.Normalise(h["Accept-Encoding"]) }
