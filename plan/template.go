package plan

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// template is a configured text that has "${" in it, split where a value goes in.
type template []part

// part is text as it stands, or names what to put in its place.
type part struct {
	text      string // where source is ""
	source    string // "", "env" or "file"
	name      string // of the environment variable or the file
	fallback  string // where the variable is not set, or empty
	mayBeGone bool   // fallback was given
}

// templates finds the templates in a configuration. It looks nothing up: what
// they name is a matter of the process that runs the service.
func (r *reader) templates(path string, node ast.Node, into map[ast.Node]template) {
	switch n := node.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		if text, _ := asText(n); strings.Contains(text, "${") {
			into[n] = r.template(path, r.place(n), text)
		}
	case *ast.SequenceNode:
		for i, item := range n.Values {
			r.templates(fmt.Sprintf("%s[%d]", path, i), item, into)
		}
	case ast.MapNode:
		pairs, _ := r.entries(path, node) // refuses a key that is there twice
		for _, p := range pairs {
			r.templates(below(path, p.key.v), p.value, into)
		}
	}
}

// template splits one text. "$${" stands for "${" itself.
func (r *reader) template(path string, at Position, text string) template {
	var t template
	for {
		before, after, more := strings.Cut(text, "${")
		if !more {
			return append(t, part{text: text})
		}
		if literal, ok := strings.CutSuffix(before, "$"); ok {
			t = append(t, part{text: literal + "${"})
			text = after
			continue
		}
		inside, rest, closed := strings.Cut(after, "}")
		if !closed {
			r.add(at, path+` has "${" without "}"`, `close it, or write "$${" for the text "${"`)
			return t
		}
		t = append(t, part{text: before}, r.reference(path, at, inside))
		text = rest
	}
}

// reference reads what stands between "${" and "}".
func (r *reader) reference(path string, at Position, inside string) part {
	source, name, _ := strings.Cut(inside, ":")
	switch {
	case source == "file" && name != "":
		return part{source: source, name: name}
	case source == "env":
		name, fallback, given := strings.Cut(name, ":-")
		if name == "" || strings.Trim(name, wordLetters) != "" {
			r.add(at, fmt.Sprintf("%s names the environment variable %s", path, quote(name)),
				"a name has letters, digits and underscores: ${env:NAME}")
		}
		return part{source: source, name: name, fallback: fallback, mayBeGone: given}
	}
	r.add(at, fmt.Sprintf("%s has ${%s}, which nobody understands", path, clip(inside)),
		`write ${env:NAME}, ${env:NAME:-default} or ${file:path}, or "$${" for the text "${"`)
	return part{}
}
