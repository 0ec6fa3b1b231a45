package gateway

import (
	"errors"
	"strings"
)

// path is a request's path in the one form that routes, authorisation, cache keys and
// upstreams see: what needs no encoding is decoded, once, and the rest is encoded in
// capitals.
type path struct {
	canonical    string
	encodedSlash bool // it has %2F
	emptySegment bool // it has //
}

var (
	errPathStart  = errors.New("the path does not begin with a slash")
	errPathByte   = errors.New("the path has a character that must be encoded")
	errPathEscape = errors.New("the path has a percent sign that encodes nothing")
	errPathNul    = errors.New("the path has an encoded control character or backslash")
	errPathDots   = errors.New("the path has dot segments: ask for the path that they lead to")
)

// parsePath refuses what has no such form (RFC 3986, 3.3 and 6.2.2).
func parsePath(raw string) (path, error) {
	if !strings.HasPrefix(raw, "/") {
		return path{}, errPathStart
	}
	p := path{canonical: raw}
	if !isPlain(raw) {
		canonical, err := p.normal(raw)
		if err != nil {
			return path{}, err
		}
		p.canonical = canonical
	}
	slashes := p.canonical
	if p.encodedSlash { // where it may pass, it may be decoded
		slashes = strings.ReplaceAll(slashes, "%2F", "/")
	}
	slashes = strings.ReplaceAll(slashes, "%3B", ";")
	for segment := range strings.SplitSeq(slashes[1:], "/") {
		// Some servers take off what follows a semicolon, in code or not, before they look.
		if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
			return path{}, errPathDots
		}
	}
	p.emptySegment = strings.Contains(p.canonical, "//")
	return p, nil
}

// isPlain tells of paths that are in their form already, as most are.
func isPlain(s string) bool {
	for i := range len(s) {
		if !isPathByte(s[i]) {
			return false
		}
	}
	return true
}

func isPathByte(c byte) bool { return isUnreserved(c) || strings.IndexByte("/!$&'()*+,;=:@", c) >= 0 }

func isUnreserved(c byte) bool {
	return isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isTarget tells of request targets that are a path, a URL or *, and have no character that
// some would encode, and no fragment, which some would cut off.
func isTarget[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '#' {
			return false
		}
	}
	return len(s) > 0
}

const hexDigits = "0123456789ABCDEF"

func (p *path) normal(raw string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if isPathByte(c) {
			out.WriteByte(c)
			continue
		}
		if c != '%' {
			return "", errPathByte
		}
		if i+2 >= len(raw) {
			return "", errPathEscape
		}
		high, low := unhex(raw[i+1]), unhex(raw[i+2])
		if high < 0 || low < 0 {
			return "", errPathEscape
		}
		i += 2
		switch b := byte(high<<4 | low); {
		case b < ' ' || b == 0x7f || b == '\\':
			return "", errPathNul
		case isUnreserved(b):
			out.WriteByte(b)
		default:
			p.encodedSlash = p.encodedSlash || b == '/'
			out.WriteByte('%')
			out.WriteByte(hexDigits[b>>4])
			out.WriteByte(hexDigits[b&15])
		}
	}
	return out.String(), nil
}

// encodePath encodes what a path cannot have.
func encodePath(s string) string {
	if isPlain(s) {
		return s
	}
	var out strings.Builder
	for i := range len(s) {
		if c := s[i]; isPathByte(c) {
			out.WriteByte(c)
		} else {
			out.WriteByte('%')
			out.WriteByte(hexDigits[c>>4])
			out.WriteByte(hexDigits[c&15])
		}
	}
	return out.String()
}

func unhex(c byte) int {
	if 'a' <= c && c <= 'f' {
		c -= 'a' - 'A'
	}
	return strings.IndexByte(hexDigits, c)
}
