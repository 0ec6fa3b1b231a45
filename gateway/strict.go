package gateway

import (
	"bytes"
	"strings"
)

// framing follows the requests of an HTTP/1 connection, and finds what servers read in
// different ways (RFC 9112, 11): whoever gets a request past us that ends elsewhere for
// the next server has got a second one past us. It is stricter than net/http and never
// looser: what it lets pass, net/http reads with the same ends.
//
//	start -> header -> start, after a body of known length
//	            |
//	            v
//	          chunk -> dataEnd -> chunk, after data of known length
//	            |
//	            v
//	         trailer -> start
type framing struct {
	step step
	line []byte // what has come of a line that has not ended
	skip int64  // bytes of a body, or of a chunk's data, before the next line
	head head
}

type step int

const (
	start step = iota // before a request's first line
	header
	chunk // before the line with a chunk's size
	dataEnd
	trailer
)

// head is what a request's head says of its framing.
type head struct {
	old       bool   // HTTP/1.0
	authority string // of a target that is a URL; "": it has another form
	hosts     int
	length    int64
	lengths   int
	codings   int
}

// violation is why a request is refused.
type violation string

func (v violation) Error() string { return string(v) }

const (
	errLineEnd     = violation("a line does not end with carriage return and line feed, or has one within")
	errRequestLine = violation("the first line is not METHOD TARGET HTTP/1.1 or HTTP/1.0, with one space between")
	errTarget      = violation("the target is no path and no http URL, or has a character that must be encoded")
	errHeader      = violation("a header is not NAME: VALUE, or has a control character")
	errHost        = violation("there is not one Host header that holds a host")
	errAuthority   = violation("the target and the Host header name different hosts")
	errLength      = violation("Content-Length is not one decimal number")
	errCoding      = violation("Transfer-Encoding is not chunked alone, or is not of HTTP/1.1")
	errBoth        = violation("Content-Length and Transfer-Encoding cannot both tell where the body ends")
	errChunk       = violation("a chunk does not begin with a hexadecimal size, or does not end where that says")
	errType        = violation("there is more than one Content-Type header")
	errTrailer     = violation("a trailer says how the request is to be read")
)

const (
	mostDigits    = 15   // of a length or a chunk's size: an int64 holds either
	mostChunkLine = 1024 // bytes, extensions included
)

// between tells whether one request has come whole, and nothing of another.
func (f *framing) between() bool { return f.step == start && f.skip == 0 && len(f.line) == 0 }

// inHead tells whether a request's head is to come or has not come whole.
func (f *framing) inHead() bool { return f.step <= header }

// accept takes the bytes that come next. It tells how many of them may be passed on: all,
// or those before the end of the line that is wrong. So no head passes whole before all
// that it says has been looked at.
func (f *framing) accept(p []byte) (n int, err error) {
	for n < len(p) {
		if f.skip > 0 {
			skipped := min(f.skip, int64(len(p)-n))
			f.skip -= skipped
			n += int(skipped)
			continue
		}
		rest := p[n:]
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			f.line = append(f.line, rest...)
			if !f.inHead() && len(f.line) > mostChunkLine {
				return n, errChunk // net/http bounds heads
			}
			return len(p), nil
		}
		line := rest[:end]
		if len(f.line) > 0 {
			line = append(f.line, line...)
			f.line = line[:0]
		}
		if err := f.take(line); err != nil {
			return n, err
		}
		n += end
	}
	return n, nil
}

// take goes on by a line.
func (f *framing) take(line []byte) error {
	text, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok || bytes.IndexByte(text, '\r') >= 0 {
		return errLineEnd
	}
	switch f.step {
	case start:
		f.head, f.step = head{}, header
		return f.head.request(text)
	case header:
		if len(text) > 0 {
			return f.head.header(text)
		}
		return f.endHead()
	case chunk:
		return f.chunk(text)
	case dataEnd:
		f.step = chunk
		if len(text) > 0 {
			return errChunk
		}
	case trailer:
		if len(text) == 0 {
			f.step = start
			return nil
		}
		before := f.head
		if err := f.head.header(text); err != nil || f.head != before {
			return errTrailer
		}
	}
	return nil
}

// endHead finds out how the body ends.
func (f *framing) endHead() error {
	h := &f.head
	switch {
	case h.hosts > 1, h.hosts == 0 && !h.old:
		return errHost
	case h.lengths > 1:
		return errLength
	case h.codings > 1, h.codings > 0 && h.old:
		return errCoding
	case h.codings > 0 && h.lengths > 0:
		return errBoth
	case h.codings > 0:
		f.step = chunk
	default:
		f.step, f.skip = start, h.length
	}
	return nil
}

// chunk reads the line before a chunk's data.
func (f *framing) chunk(text []byte) error {
	digits, extension, extended := bytes.Cut(text, []byte(";"))
	size, ok := number(digits, 16)
	if !ok || extended && !isFieldValue(extension) || len(text) > mostChunkLine {
		return errChunk
	}
	f.step, f.skip = dataEnd, size
	if size == 0 {
		f.step = trailer
	}
	return nil
}

// request reads the first line.
func (h *head) request(text []byte) error {
	method, rest, _ := bytes.Cut(text, []byte(" "))
	target, version, ok := bytes.Cut(rest, []byte(" "))
	h.old = string(version) == "HTTP/1.0"
	if !ok || !isToken(method) || !h.old && string(version) != "HTTP/1.1" {
		return errRequestLine
	}
	if !isTarget(target) {
		return errTarget
	}
	switch {
	case string(method) == "CONNECT":
		if !isHost(target) {
			return errTarget
		}
	case target[0] == '/', string(target) == "*" && string(method) == "OPTIONS":
	default:
		return h.url(target)
	}
	return nil
}

// url reads a target in absolute form, which clients send to proxies.
func (h *head) url(target []byte) error {
	scheme, rest, ok := bytes.Cut(target, []byte("://"))
	if !ok || !bytes.EqualFold(scheme, []byte(schemeHTTP)) && !bytes.EqualFold(scheme, []byte(schemeHTTPS)) {
		return errTarget
	}
	if end := bytes.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	if !isHost(rest) {
		return errTarget
	}
	h.authority = string(rest)
	return nil
}

// header reads a header's or a trailer's line.
func (h *head) header(text []byte) error {
	name, value, ok := bytes.Cut(text, []byte(":"))
	if !ok || !isToken(name) || !isFieldValue(value) {
		return errHeader
	}
	value = bytes.Trim(value, " \t")
	switch {
	case bytes.EqualFold(name, []byte("Host")):
		h.hosts++
		if !isHost(value) {
			return errHost
		}
		if h.authority != "" && !bytes.EqualFold(value, []byte(h.authority)) {
			return errAuthority
		}
	case bytes.EqualFold(name, []byte("Content-Length")):
		h.lengths++
		if h.length, ok = number(value, 10); !ok {
			return errLength
		}
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		h.codings++
		if !bytes.EqualFold(value, []byte("chunked")) {
			return errCoding
		}
	}
	return nil
}

// number reads what is digits and nothing else, with no zero before that some would take
// for octal.
func number(text []byte, base int) (int64, bool) {
	if len(text) == 0 || len(text) > mostDigits || base == 10 && len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	var n int64
	for _, c := range text {
		d := unhex(c)
		if d < 0 || d >= base {
			return 0, false
		}
		n = n*int64(base) + int64(d)
	}
	return n, true
}

// isToken tells of methods and names (RFC 9110, 5.6.2).
func isToken(s []byte) bool {
	for _, c := range s {
		if !isAlphanumeric(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return len(s) > 0
}

// isFieldValue tells of texts without control characters, of which a tab is none.
func isFieldValue(s []byte) bool {
	for _, c := range s {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
