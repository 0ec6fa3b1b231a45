package web

import (
	"net/http"
	"strings"
)

// wrong tells, by field of a form, what is the matter; the empty name is the form.
type wrong map[string]string

// mistake finds out what to say beside which field of a form, and with which
// status. It is the first field that the message speaks of, or else the last one.
func mistake(err error, fields ...string) (int, wrong) {
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError || p.status == http.StatusTooManyRequests {
		return p.status, wrong{"": p.Detail()}
	}
	for _, field := range fields {
		if speaksOf(p.Detail(), field) {
			return p.status, wrong{field: p.Detail()}
		}
	}
	return p.status, wrong{fields[len(fields)-1]: p.Detail()}
}

func speaksOf(message, field string) bool {
	return strings.Contains(strings.ToLower(message), strings.ReplaceAll(field, "_", " "))
}
