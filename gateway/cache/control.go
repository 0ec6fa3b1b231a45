package cache

import (
	"math"
	"strings"
	"time"
)

// directives are those of Cache-Control, of a request or an answer (RFC 9111, 5.2, and RFC
// 5861). Fields that no-cache and private may name are not told apart: all counts as named.
type directives struct {
	noStore, noCache, private, public, onlyIfCached bool
	mustRevalidate, proxyRevalidate, mustUnderstand bool
	malformed                                       bool // an unending quotation may hide a directive
	maxAge, sharedMaxAge, minFresh, maxStale        seconds
	staleWhileRevalidate, staleIfError              seconds
}

// seconds are those of a directive.
type seconds int32

const (
	none      seconds = -1            // the directive is not there
	unlimited seconds = math.MaxInt32 // and any number beyond it
)

func (s *seconds) duration() time.Duration { return time.Duration(*s) * time.Second }

// parseControl reads the lines of a Cache-Control header.
func parseControl(lines []string) directives {
	d := directives{
		maxAge: none, sharedMaxAge: none, minFresh: none, maxStale: none,
		staleWhileRevalidate: none, staleIfError: none,
	}
	for _, line := range lines {
		for line != "" {
			var name, value string
			name, value, line = d.next(line)
			d.set(name, value)
		}
	}
	return d
}

// next cuts the first directive off a line.
func (d *directives) next(line string) (name, value, rest string) {
	end := strings.IndexAny(line, ",=")
	if end < 0 {
		return trim(line), "", ""
	}
	name = trim(line[:end])
	if line[end] == ',' {
		return name, "", line[end+1:]
	}
	line = strings.TrimLeft(line[end+1:], " \t")
	if line != "" && line[0] == '"' {
		value, line = d.quoted(line[1:])
	}
	end = strings.IndexByte(line, ',')
	if end < 0 {
		end, rest = len(line), ""
	} else {
		rest = line[end+1:]
	}
	if value == "" {
		value = trim(line[:end])
	}
	return name, value, rest
}

// quoted reads a quotation up to its end.
func (d *directives) quoted(s string) (value, rest string) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[:i], s[i+1:]
		}
	}
	d.malformed = true
	return s, ""
}

const longestName = len("stale-while-revalidate")

func (d *directives) set(name, value string) {
	var lower [longestName]byte
	if len(name) > longestName {
		return
	}
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	switch string(lower[:len(name)]) {
	case "no-store":
		d.noStore = true
	case "no-cache":
		d.noCache = true
	case "private":
		d.private = true
	case "public":
		d.public = true
	case "only-if-cached":
		d.onlyIfCached = true
	case "must-revalidate":
		d.mustRevalidate = true
	case "proxy-revalidate":
		d.proxyRevalidate = true
	case "must-understand":
		d.mustUnderstand = true
	case "max-age":
		d.maxAge.set(value)
	case "s-maxage":
		d.sharedMaxAge.set(value)
	case "min-fresh":
		d.minFresh.set(value)
	case "max-stale":
		if value == "" {
			d.maxStale = unlimited
			return
		}
		d.maxStale.set(value)
	case "stale-while-revalidate":
		d.staleWhileRevalidate.set(value)
	case "stale-if-error":
		d.staleIfError.set(value)
	}
}

// set reads a number. What is none, or contradicts the one before, is 0: the answer counts as
// stale (RFC 9111, 4.2.1).
func (s *seconds) set(value string) {
	n := parseSeconds(value)
	if n < 0 || *s != none && *s != n {
		n = 0
	}
	*s = n
}

// parseSeconds reads delta-seconds (RFC 9111, 1.2.2); what is none gives none.
func parseSeconds(s string) seconds {
	if s == "" {
		return none
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return none
		}
		if n = n*10 + int64(s[i]-'0'); n > int64(unlimited) {
			n = int64(unlimited)
		}
	}
	return seconds(n)
}

func trim(s string) string { return strings.Trim(s, " \t") }
