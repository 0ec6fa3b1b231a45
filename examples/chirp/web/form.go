package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxBody is many times the longest form that makes sense here.
const maxBody = 64 << 10

// maxReading is enough for maxBody on a bad line.
const maxReading = 10 * time.Second

// checkAddress refuses what no page of ours links to.
func (v *visit) checkAddress() error {
	if !utf8.ValidString(v.r.URL.Path) || !validValues(v.r.URL.Query()) {
		return errUTF8
	}
	return nil
}

// readForm reads the body and finds out whether it may be acted upon.
func (v *visit) readForm() error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxBody)
	// Somebody who stops in the middle of a form holds up nobody, not even a drain. A
	// writer that knows no deadlines, as in tests, reads without.
	_ = http.NewResponseController(v.w).SetReadDeadline(time.Now().Add(maxReading))
	defer func() { _ = http.NewResponseController(v.w).SetReadDeadline(time.Time{}) }()
	if err := v.r.ParseForm(); err != nil {
		if _, tooBig := errors.AsType[*http.MaxBytesError](err); tooBig {
			return errTooBig
		}
		return &problem{
			status: http.StatusBadRequest, detail: "This form cannot be read, so nothing was done.", cause: err,
		}
	}
	if !validValues(v.r.PostForm) {
		return errUTF8
	}
	if !v.jar.genuine(v.field("csrf")) {
		return errToken
	}
	return nil
}

func (v *visit) field(name string) string { return v.r.PostForm.Get(name) }

func validValues(values url.Values) bool {
	for key, list := range values {
		for _, value := range append(list, key) {
			if !utf8.ValidString(value) {
				return false
			}
		}
	}
	return true
}

// safeNext is where to go on this site, or usual. What could lead a browser
// elsewhere (//host, \host, a scheme, a control character) is refused.
func safeNext(next, usual string) string {
	odd := func(r rune) bool { return r == '\\' || unicode.IsControl(r) }
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsFunc(next, odd) {
		return usual
	}
	u, err := url.Parse(next)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return usual
	}
	return u.String()
}

// goTo ends a form: the browser reads the page at path anew.
func (v *visit) goTo(path string) error {
	v.w.Header().Set("Cache-Control", "no-store")
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}
