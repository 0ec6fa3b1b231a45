package plan

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// expander fills in the templates of one service's configuration.
type expander struct {
	*reader
	templates map[ast.Node]template
	size      int // bytes that all of them have given
}

// maxExpanded bounds the memory that a short plan can take by naming a large file often.
const maxExpanded = 16 * maxFile

// expand gives a copy of the node with every template filled in. One that cannot
// be filled is a mistake, and its node empty.
func (e *expander) expand(path string, node ast.Node) ast.Node {
	switch n := node.(type) {
	case *ast.SequenceNode:
		list := ast.Sequence(n.Start, n.IsFlowStyle)
		for i, item := range n.Values {
			list.Values = append(list.Values, e.expand(fmt.Sprintf("%s[%d]", path, i), item))
		}
		return list
	case ast.MapNode:
		pairs, _ := e.entries(path, node)
		values := make([]*ast.MappingValueNode, 0, len(pairs))
		for _, p := range pairs {
			value := e.expand(below(path, p.key.v), p.value)
			values = append(values, ast.MappingValue(p.node.Start, p.node.Key, value))
		}
		mapping, ok := n.(*ast.MappingNode)
		return ast.Mapping(node.GetToken(), ok && mapping.IsFlowStyle, values...)
	}
	if t, ok := e.templates[node]; ok {
		return e.fill(path, node, t)
	}
	return node
}

func (e *expander) fill(path string, n ast.Node, t template) ast.Node {
	var out strings.Builder
	secret, at := false, e.place(n)
	for _, p := range t {
		found, ok := e.lookUp(path, at, p)
		if !ok {
			return ast.Null(n.GetToken())
		}
		out.WriteString(found)
		secret = secret || p.source != ""
	}
	tk := token.New(out.String(), out.String(), n.GetToken().Position)
	tk.Type = token.DoubleQuoteType // however it looks, it is text
	s := ast.String(tk)
	if secret {
		e.secret[s] = true
	}
	return s
}

func (e *expander) lookUp(path string, at Position, p part) (found string, ok bool) {
	if p.source == "" {
		return p.text, true
	}
	if e.size > maxExpanded {
		return "", false // reported, and enough was read
	}
	if p.source == "env" {
		found, ok = e.variable(path, at, p)
	} else {
		found, ok = e.content(path, at, p.name)
	}
	if e.size += len(found); e.size > maxExpanded {
		e.add(at, fmt.Sprintf("%s expands the configuration to more than %d bytes", path, maxExpanded),
			"configure the file's path, and let the service read it")
		return "", false
	}
	return found, ok
}

func (e *expander) variable(path string, at Position, p part) (value string, ok bool) {
	value, set := os.LookupEnv(p.name)
	if p.mayBeGone && value == "" {
		return p.fallback, true
	}
	if !set {
		e.add(at, fmt.Sprintf("%s needs the environment variable %s, which is not set", path, p.name),
			fmt.Sprintf("set it, or give a default: ${env:%s:-default}", p.name))
	}
	return value, set
}

// content is a file's text, without the newline that editors end it with.
func (e *expander) content(path string, at Position, name string) (text string, ok bool) {
	raw, err := readRegular(e.beside(name))
	if err == nil {
		text = strings.TrimSuffix(string(raw), "\n")
		return strings.TrimSuffix(text, "\r"), true
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
		"relative paths start at the "+e.kind()+"'s folder")
	return "", false
}
