package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

type pair struct {
	key   placed[string]
	value ast.Node
	node  *ast.MappingValueNode
}

// entries lists a mapping, each key once; further ones with the same key are mistakes.
func (r *reader) entries(path string, n ast.Node) (pairs []pair, ok bool) {
	m, ok := n.(ast.MapNode)
	if !ok {
		return nil, false
	}
	first := map[string]Position{}
	for i := m.MapRange(); i.Next(); {
		t := i.Key().GetToken()
		k := placed[string]{t.Value, r.at(t)}
		if s, ok := i.Key().(*ast.StringNode); ok {
			k.v = s.Value
		}
		if before, twice := first[k.v]; twice {
			r.add(k.at, fmt.Sprintf("%s has %s twice", path, quote(k.v)),
				fmt.Sprintf("the first is on line %d: remove or rename one", before.Line))
			continue
		}
		first[k.v] = k.at
		pairs = append(pairs, pair{k, i.Value(), i.KeyValue()})
	}
	return pairs, true
}

// object reads a mapping whose keys are known. at is where it begins.
func (r *reader) object(path string, at Position, n ast.Node, into keyed) {
	pairs, ok := r.entries(path, n)
	if !ok {
		r.wrong(path, n, "a mapping with keys such as "+listed(keyNames(into)[:3]))
		return
	}
	known := into.keys()
	for _, p := range pairs {
		i := slices.IndexFunc(known, func(k key) bool { return k.name == p.key.v })
		switch {
		case i < 0:
			r.unknown(path, p.key, into)
		case isNothing(p.value):
			r.add(p.key.at, p.key.v+" has no value", cmp.Or(known[i].required, "give it one, or leave the key out"))
		default:
			known[i].slot.read(r, valuePath(path, p.key.v), p.value)
		}
		if i >= 0 {
			known[i].required = ""
		}
	}
	for _, k := range known {
		if k.required != "" {
			r.add(at, fmt.Sprintf("%s has no %s", path, k.name), k.required)
		}
	}
}

// valuePath names a value in errors: "app" of the plan itself, "replicas of process web".
func valuePath(path, key string) string {
	if path == thePlan {
		return key
	}
	return key + " of " + path
}

func (r *reader) unknown(path string, k placed[string], in keyed) {
	names := keyNames(in)
	what := fmt.Sprintf("%s has no key %s", path, quote(k.v))
	if best, ok := nearest(k.v, names); ok {
		r.add(k.at, what, fmt.Sprintf("did you mean %s?", best))
		return
	}
	_, outside := in.(httpPolicies)
	if places := placesOf(k.v); places != "" && !outside {
		r.add(k.at, what, k.v+" stands "+places)
		return
	}
	r.add(k.at, what, "its keys are "+joined(names, "and"))
}

// placesOf tells where else a key would be right.
func placesOf(key string) string {
	var found []string
	for _, p := range []struct {
		where string
		in    keyed
	}{
		{"at the top of the plan", &filePlan{}},
		{"in a process", &fileProcess{}},
		{"under a method", &fileMethod{}},
		{"under policies", &filePolicy{}},
		{"under store", &fileStore{}},
	} {
		if slices.Contains(keyNames(p.in), key) {
			found = append(found, p.where)
		}
	}
	return listed(found)
}

func keyNames(o keyed) []string {
	known := o.keys()
	names := make([]string, 0, len(known))
	for _, k := range known {
		if _, no := k.slot.(elsewhere); !no {
			names = append(names, k.name)
		}
	}
	return names
}

func isNothing(n ast.Node) bool {
	_, null := n.(*ast.NullNode)
	return n == nil || null
}

// wrong reports a value of the wrong type or size.
func (r *reader) wrong(path string, n ast.Node, want string) {
	what := path + " is " + plainly(n)
	switch {
	case r.secret[n]:
		what = path + " is, when expanded, something else"
	case plainly(n) == "":
		what = path + " does not make sense"
	}
	r.add(r.place(n), what, "it must be "+want)
}

// place is where a node begins. The parser says of a mapping where its first colon is.
func (r *reader) place(n ast.Node) Position {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return r.at(m.Values[0].Key.GetToken())
	}
	return r.at(n.GetToken())
}

// plainly says in plain words what a node is.
func plainly(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		if n.Value == "" {
			return "empty"
		}
		return quote(n.Value)
	case *ast.LiteralNode:
		return "text of several lines"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + clip(n.GetToken().Value)
	case *ast.BoolNode:
		return n.GetToken().Value
	case *ast.SequenceNode:
		return emptyOr(len(n.Values), "a list")
	case *ast.MappingNode:
		return emptyOr(len(n.Values), "a mapping")
	case ast.MapNode:
		return "a mapping"
	case *ast.NullNode:
		return "empty"
	}
	return ""
}

func emptyOr(size int, what string) string {
	if size == 0 {
		return strings.Replace(what, "a ", "an empty ", 1)
	}
	return what
}
