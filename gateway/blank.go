package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/internal/pathtemplate"
)

// blank is a path and query in which names stand for what a request brings, or what another
// part has answered.
type blank struct {
	pieces []piece
}

// piece is a text, and what follows it.
type piece struct {
	text    string
	kind    int
	name    string                 // of a part, or a parameter
	way     []string               // within a part's answer
	value   *pathtemplate.Variable // of the path
	inQuery bool
}

const (
	nothing = iota
	fromPath
	fromQuery
	fromUser
	fromPart
)

// newBlank reads a text such as "/v1/accounts/{profile.id}/posts?size={query.size}".
func newBlank(text string, parts map[string]partConfig, m *matcher) (*blank, error) {
	if !strings.HasPrefix(text, "/") {
		return nil, errors.New("the path of a part begins with a slash")
	}
	b := new(blank)
	inQuery := false
	for text != "" {
		before, rest, found := strings.Cut(text, "{")
		inQuery = inQuery || strings.Contains(before, "?")
		p := piece{text: before, inQuery: inQuery}
		if found {
			name, after, closed := strings.Cut(rest, "}")
			if !closed {
				return nil, errors.New("a { is not closed")
			}
			if err := p.setName(name, parts, m); err != nil {
				return nil, err
			}
			rest = after
		}
		b.pieces = append(b.pieces, p)
		text = rest
	}
	return b, nil
}

func (p *piece) setName(name string, parts map[string]partConfig, m *matcher) error {
	first, rest, below := strings.Cut(name, ".")
	_, isPart := parts[first]
	switch v := m.named(name); {
	case v != nil:
		p.kind, p.value = fromPath, v
	case name == "user":
		p.kind = fromUser
	case first == "query" && rest != "":
		p.kind, p.name = fromQuery, rest
	case isPart && below:
		p.kind, p.name, p.way = fromPart, first, strings.Split(rest, ".")
	case isPart:
		return fmt.Errorf("{%s} is a whole answer: say what of it, such as {%s.id}", name, name)
	default:
		return fmt.Errorf("{%s} is neither a variable of the path, nor query.NAME, user or PART.FIELD", name)
	}
	return nil
}

// named finds a variable of the match's path; nil: there is none.
func (m *matcher) named(name string) *pathtemplate.Variable {
	if m.path != nil {
		for i, v := range m.path.Variables {
			if v.Name == name {
				return &m.path.Variables[i]
			}
		}
	}
	return nil
}

// parts are the names of those that are needed.
func (b *blank) parts() []string {
	var all []string
	for _, p := range b.pieces {
		if p.kind == fromPart && !slices.Contains(all, p.name) {
			all = append(all, p.name)
		}
	}
	return all
}

// sample has a value for each name.
func (b *blank) sample() string {
	var out strings.Builder
	for _, p := range b.pieces {
		out.WriteString(p.text)
		if p.kind != nothing {
			out.WriteByte('1')
		}
	}
	return out.String()
}

// fill waits for the parts that it needs.
func (b *blank) fill(m *merging) (string, error) {
	var out strings.Builder
	for _, p := range b.pieces {
		out.WriteString(p.text)
		if p.kind == nothing {
			continue
		}
		if p.kind == fromPath && !p.inQuery { // it is encoded already, but for slashes that part its segments
			out.WriteString(p.raw(m))
			continue
		}
		value, err := p.find(m)
		switch {
		case err != nil:
			return "", err
		case p.inQuery:
			out.WriteString(url.QueryEscape(value))
		case value == "" || value == "." || value == "..":
			return "", status.Errorf(codes.InvalidArgument, "%q cannot stand in a path", value)
		default:
			out.WriteString(url.PathEscape(value))
		}
	}
	return out.String(), nil
}

func (p *piece) raw(m *merging) string {
	return m.route.match.path.Raw(*p.value, visitOf(m.request.Context()).path.canonical)
}

func (p *piece) find(m *merging) (string, error) {
	v := visitOf(m.request.Context())
	switch p.kind {
	case fromPath:
		return url.PathUnescape(p.raw(m)) // of a path that has been looked at: it has no error
	case fromQuery:
		if !m.request.URL.Query().Has(p.name) {
			return "", status.Errorf(codes.InvalidArgument, "the query lacks %s", p.name)
		}
		return m.request.URL.Query().Get(p.name), nil
	case fromUser:
		if v.user == "" {
			return "", status.Error(codes.Unauthenticated, "nobody is logged in")
		}
		return v.user, nil
	}
	body, err := m.of(p.name)
	if err != nil {
		return "", err
	}
	return scalar(body, p.way)
}

// scalar is a value within an answer that is text, a number or a truth.
func scalar(body []byte, way []string) (string, error) {
	found, err := pick(body, way)
	if err != nil {
		return "", err
	}
	var text string
	switch {
	case found[0] != '"' && (found[0] == '{' || found[0] == '[' || string(found) == "null"):
		return "", status.Errorf(codes.Internal, "%s is no single value", strings.Join(way, "."))
	case found[0] != '"':
		return string(found), nil
	}
	err = json.Unmarshal(found, &text)
	return text, err
}

// pick finds a value within an answer, by the members' names and the elements' numbers that
// lead there, and gives it as it is.
func pick(body []byte, way []string) (json.RawMessage, error) {
	at := json.RawMessage(body)
	for _, step := range way {
		var next json.RawMessage
		switch at = trim(at); {
		case len(at) > 0 && at[0] == '{':
			var members map[string]json.RawMessage
			if err := json.Unmarshal(at, &members); err != nil {
				return nil, status.Error(codes.Internal, "the answer is not JSON")
			}
			next = members[step]
		case len(at) > 0 && at[0] == '[':
			next = element(at, step)
		}
		if next == nil {
			return nil, status.Errorf(codes.Internal, "the answer has no %s", strings.Join(way, "."))
		}
		at = next
	}
	return trim(at), nil
}

func element(list json.RawMessage, step string) json.RawMessage {
	i, err := strconv.Atoi(step)
	var all []json.RawMessage
	if err != nil || json.Unmarshal(list, &all) != nil || i < 0 || i >= len(all) {
		return nil
	}
	return all[i]
}

func trim(b json.RawMessage) json.RawMessage { return bytes.TrimSpace(b) }
