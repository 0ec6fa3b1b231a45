package auth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// The headers by which an upstream is told who has sent a request. No client can set
// them: see Clean.
const (
	SubjectHeader = "X-Auth-Subject" // who, within the way
	WayHeader     = "X-Auth-Way"     // the way, since subjects of two ways may be called the same
	ClaimsHeader  = "X-Auth-Claims"  // a JSON object of claims, in ASCII
)

// Clean removes what a client claims to be.
func Clean(h http.Header) {
	delete(h, SubjectHeader)
	delete(h, WayHeader)
	delete(h, ClaimsHeader)
}

// Caller is who has sent a request.
type Caller struct {
	Subject string
	Claims  map[string]any // as JSON has them; numbers are json.Number

	way     *Way
	session bool         // a browser's cookie has told, which it sends whoever makes it
	renewed *http.Cookie // for the answer; nil: none
}

// claim finds a claim by its name, or by the names of objects that hold it, with dots.
func (c *Caller) claim(name string) any {
	if name == "sub" {
		return c.Subject
	}
	if value, ok := c.Claims[name]; ok {
		return value
	}
	var value any = c.Claims
	for part := range strings.SplitSeq(name, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[part]
	}
	return value
}

// Key is the name of the key by which the caller was found; "": it was not by a key.
func (c *Caller) Key() string {
	if _, ok := c.way.credentials.(*apiKeys); ok {
		return c.Subject
	}
	return ""
}

// Text is a claim that is a text or a number, or else "".
func (c *Caller) Text(claim string) string {
	switch value := c.claim(claim).(type) {
	case string:
		return value
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	case json.Number, uint64, int64, int:
		return fmt.Sprint(value)
	}
	return ""
}

// has tells whether a claim is a value, or a list with it among others. Scopes are a list
// with spaces between (RFC 8693, 4.2).
func (c *Caller) has(claim, value string) bool {
	switch have := c.claim(claim).(type) {
	case []any:
		return slices.ContainsFunc(have, func(one any) bool { return fmt.Sprint(one) == value })
	case []string:
		return slices.Contains(have, value)
	case bool:
		return strconv.FormatBool(have) == value
	case string:
		if claim == "scope" || claim == "scp" {
			return slices.Contains(strings.Fields(have), value)
		}
	}
	return value != "" && c.Text(claim) == value
}

// tell writes the headers for the upstream.
func (c *Caller) tell(h http.Header) {
	h[SubjectHeader] = []string{c.Subject}
	h[WayHeader] = []string{c.way.name}
	if len(c.way.claims) == 0 {
		return
	}
	told := make(map[string]any, len(c.way.claims))
	for _, name := range c.way.claims {
		if value := c.claim(name); value != nil {
			told[name] = value
		}
	}
	if text, err := json.Marshal(told); err == nil {
		h[ClaimsHeader] = []string{ascii(string(text))}
	}
}

// ascii escapes in JSON what a header cannot have.
func ascii(text string) string {
	var out strings.Builder
	for _, c := range text {
		if c < 0x7f {
			out.WriteRune(c)
			continue
		}
		for _, unit := range utf16.Encode([]rune{c}) {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return out.String()
}

// isSubject tells of what a header can have, with the length that OpenID Connect allows.
func isSubject(s string) bool {
	return s != "" && len(s) <= 255 && strings.Trim(s, " ") == s &&
		!strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}
