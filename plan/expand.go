package plan

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// expander replaces ${env:NAME}, ${env:NAME:-default} and ${file:path} in the
// text of a configuration, in place. "$${" stands for "${" itself.
type expander struct {
	*reader
	expanded map[ast.Node]bool // of the service at hand
	size     int               // bytes that all expansions have given
}

// maxExpanded bounds the memory that a short plan can take by naming a large file often.
const maxExpanded = 16 * maxFile

// expand gives what to put in the node's place.
func (e *expander) expand(path string, node ast.Node) ast.Node {
	switch n := node.(type) {
	case *ast.StringNode:
		return e.expandText(path, n, n.Value)
	case *ast.LiteralNode:
		return e.expandText(path, n, n.Value.Value)
	case *ast.SequenceNode:
		for i, item := range n.Values {
			n.Values[i] = e.expand(fmt.Sprintf("%s[%d]", path, i), item)
		}
	case ast.MapNode:
		_, _ = e.entries(path, node) // refuses a key that is there twice
		for i := n.MapRange(); i.Next(); {
			pair := i.KeyValue()
			pair.Value = e.expand(path+"."+clip(pair.Key.GetToken().Value), pair.Value)
		}
	}
	return node
}

func (e *expander) expandText(path string, n ast.Node, text string) ast.Node {
	if !strings.Contains(text, "${") {
		return n
	}
	at := e.place(n)
	var out strings.Builder
	secret := false
	for {
		before, after, more := strings.Cut(text, "${")
		if !more {
			out.WriteString(text)
			break
		}
		if literal, ok := strings.CutSuffix(before, "$"); ok {
			out.WriteString(literal + "${")
			text = after
			continue
		}
		inside, rest, closed := strings.Cut(after, "}")
		if !closed {
			e.add(at, path+` has "${" without "}"`, `close it, or write "$${" for the text "${"`)
			return n
		}
		found := e.lookUp(path, at, inside)
		if e.size += len(found); e.size > maxExpanded {
			e.add(at, fmt.Sprintf("%s expands the plan to more than %d bytes", path, maxExpanded),
				"configure the file's path, and let the service read it")
			return n
		}
		out.WriteString(before + found)
		secret, text = true, rest
	}
	s := ast.String(token.New(out.String(), out.String(), n.GetToken().Position))
	s.Token.Type = token.DoubleQuoteType // however it looks, it is text
	if secret {
		e.expanded[s] = true
	}
	return s
}

func (e *expander) lookUp(path string, at Position, inside string) string {
	source, name, _ := strings.Cut(inside, ":")
	switch {
	case source == "env":
		return e.env(path, at, name)
	case source == "file" && name != "":
		return e.content(path, at, name)
	}
	e.add(at, fmt.Sprintf("%s has ${%s}, which nobody understands", path, clip(inside)),
		`write ${env:NAME}, ${env:NAME:-default} or ${file:path}, or "$${" for the text "${"`)
	return ""
}

func (e *expander) env(path string, at Position, name string) string {
	name, otherwise, hasDefault := strings.Cut(name, ":-")
	if name == "" || strings.Trim(name, wordLetters) != "" {
		e.add(at, fmt.Sprintf("%s names the environment variable %s", path, quote(name)),
			"a name has letters, digits and underscores: ${env:NAME}")
		return ""
	}
	v, set := os.LookupEnv(name)
	switch {
	case hasDefault && v == "":
		return otherwise
	case !set:
		e.add(at, fmt.Sprintf("%s needs the environment variable %s, which is not set", path, name),
			fmt.Sprintf("set it, or give a default: ${env:%s:-default}", name))
	}
	return v
}

// content is a file's text, without the newline that editors end it with.
func (e *expander) content(path string, at Position, name string) string {
	file := e.beside(name)
	text, err := readRegular(file)
	if err == nil {
		s := strings.TrimSuffix(string(text), "\n")
		return strings.TrimSuffix(s, "\r")
	}
	why := "cannot be read"
	switch {
	case errors.Is(err, os.ErrNotExist):
		why = "does not exist"
	case errors.Is(err, os.ErrPermission):
		why = "may not be read"
	case errors.Is(err, errTooLarge):
		why = "is larger than 1 MiB"
	}
	e.add(at, fmt.Sprintf("%s needs the file %s, which %s", path, quote(name), why),
		"relative paths start at the plan's folder")
	return ""
}
