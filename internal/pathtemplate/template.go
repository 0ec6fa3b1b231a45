// Package pathtemplate reads path templates, such as those of google.api.http, and finds
// in a path what their variables stand for.
package pathtemplate

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Template is a pattern of paths: segments, the variables that take some of them, and
// the verb after the last colon.
//
//	Template = "/" Segments [ ":" Literal ] .
//	Segments = Segment { "/" Segment } .
//	Segment  = "*" | "**" | Literal | Variable .
//	Variable = "{" FieldPath [ "=" Segments ] "}" .
//
// Source: google/api/http.proto.
type Template struct {
	Segments  []string // One, Several and literals
	Variables []Variable
	Verb      string
}

// Variable is a name for the segments [From, To) of a path; with Several among them, for
// all to the end.
type Variable struct {
	Name     string // names with dots between them
	From, To int
}

// What a segment may be beside a literal.
const (
	One     = "*"  // stands for one segment
	Several = "**" // stands for all that follow, none included
)

// Rest tells whether the last segment stands for all that follow.
func (t *Template) Rest() bool {
	return len(t.Segments) > 0 && t.Segments[len(t.Segments)-1] == Several
}

// Multi tells whether a variable may hold a slash.
func (t *Template) Multi(v Variable) bool {
	return v.To-v.From != 1 || t.Segments[v.From] == Several
}

// Value cuts out of a path, which is encoded and without a verb, what a variable stands
// for, and decodes it. Where a slash parts segments, one that was encoded stays so: it is
// not the same.
func (t *Template) Value(v Variable, path string) (string, error) {
	return unescape(t.Raw(v, path), t.Multi(v))
}

// Raw is Value, still encoded.
func (t *Template) Raw(v Variable, path string) string {
	return span(path, v.From, v.To, t.Segments[v.To-1] == Several)
}

// Parse reads a template. Its error tells the place and what would be right.
func Parse(s string) (*Template, error) {
	p := parser{left: s}
	t, err := p.parse()
	if err != nil {
		return nil, fmt.Errorf("path template %q: at character %d: %w", s, len(s)-len(p.left)+1, err)
	}
	return t, nil
}

// parser takes a template from its left end.
type parser struct {
	left string
	t    Template
}

func (p *parser) parse() (*Template, error) {
	if !p.take("/") {
		return nil, errors.New("it has to begin with a slash")
	}
	if err := p.segments(false); err != nil {
		return nil, err
	}
	if p.take(":") {
		if p.t.Verb = p.literal(); p.t.Verb == "" {
			return nil, errors.New("a verb has to follow the colon")
		}
	}
	if p.left != "" {
		return nil, fmt.Errorf("%q cannot stand here", p.left[:1])
	}
	return &p.t, nil
}

func (p *parser) take(s string) bool {
	rest, ok := strings.CutPrefix(p.left, s)
	p.left = rest
	return ok
}

func (p *parser) segments(inVariable bool) error {
	for {
		if p.t.Rest() {
			return fmt.Errorf("%s has to be the last segment", Several)
		}
		if err := p.segment(inVariable); err != nil {
			return err
		}
		if !p.take("/") {
			return nil
		}
	}
}

func (p *parser) segment(inVariable bool) error {
	switch {
	case p.take(Several):
		p.t.Segments = append(p.t.Segments, Several)
	case p.take(One):
		p.t.Segments = append(p.t.Segments, One)
	case strings.HasPrefix(p.left, "{"):
		if inVariable {
			return errors.New("a variable cannot hold another")
		}
		return p.variable()
	default:
		literal := p.literal()
		if literal == "" {
			return errors.New("a segment is missing")
		}
		p.t.Segments = append(p.t.Segments, literal)
	}
	return nil
}

func (p *parser) variable() error {
	p.take("{")
	end := strings.IndexAny(p.left, "=}")
	if end < 0 {
		return errors.New("a variable is not closed")
	}
	v := Variable{Name: p.left[:end], From: len(p.t.Segments)}
	if !isFieldPath(v.Name) {
		return fmt.Errorf("%q is no field path: names with dots between them are", v.Name)
	}
	p.left = p.left[end:]
	if p.take("=") {
		if err := p.segments(true); err != nil {
			return err
		}
	} else {
		p.t.Segments = append(p.t.Segments, One)
	}
	if !p.take("}") {
		return errors.New("a variable is not closed")
	}
	v.To = len(p.t.Segments)
	p.t.Variables = append(p.t.Variables, v)
	return nil
}

// literal takes what may stand in a path as it is.
func (p *parser) literal() string {
	end := strings.IndexFunc(p.left, func(r rune) bool {
		return strings.ContainsRune(`/:*{}=?#%"<>\^|`+"`", r) || r <= ' ' || r == 0x7f
	})
	if end < 0 {
		end = len(p.left)
	}
	literal := p.left[:end]
	p.left = p.left[end:]
	return literal
}

func isFieldPath(s string) bool {
	for name := range strings.SplitSeq(s, ".") {
		if name == "" || name[0] >= '0' && name[0] <= '9' {
			return false
		}
		for _, c := range []byte(name) {
			if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return false
			}
		}
	}
	return true
}

// span cuts the segments [from, to) out of "/a/b/c", or all that follow.
func span(path string, from, to int, all bool) string {
	start, end := 0, len(path)
	segment := -1
	for i := range len(path) {
		if path[i] != '/' {
			continue
		}
		segment++
		if segment == from {
			start = i + 1
		}
		if segment == to && !all {
			end = i
			break
		}
	}
	if segment < from { // several that are none
		return ""
	}
	return path[start:end]
}

// unescape decodes what was percent-encoded.
func unescape(raw string, slashes bool) (string, error) {
	if slashes {
		raw = strings.NewReplacer("%2F", "%252F", "%2f", "%252f").Replace(raw)
	}
	text, err := url.PathUnescape(raw)
	if err != nil {
		return "", err
	}
	if !utf8.ValidString(text) {
		return "", errors.New("it is not UTF-8")
	}
	return text, nil
}
