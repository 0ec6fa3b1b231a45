package plan

import (
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Document is a YAML file of something other than a plan, which is held to the same
// rules: no anchors, tags or deep nesting, and a place for every mistake.
type Document struct {
	file string
	root ast.Node
}

// ReadDocument reads the text of a file. Relative paths in ${file:...} start at its folder.
func ReadDocument(file string, text []byte) (*Document, error) {
	r := &reader{file: file}
	root := r.parseYAML(text)
	if err := r.err(); err != nil {
		return nil, err
	}
	return &Document{file, root}, nil
}

// Decode fills a struct by its yaml tags, as DecodeConfig does: strictly, with what
// ${env:...} and ${file:...} name put in. name is how mistakes call the whole.
func (d *Document) Decode(name string, into any) error {
	r := &reader{file: d.file}
	templates, secret := map[ast.Node]template{}, map[ast.Node]bool{}
	r.templates(name, d.root, templates)
	if err := r.err(); err != nil {
		return err
	}
	e := expander{reader: r, templates: templates, secret: secret}
	f := fitter{reader: r, secret: secret}
	node := f.fit(name, e.expand(name, d.root), reflect.TypeOf(into))
	if err := f.err(); err != nil {
		return err
	}
	if err := yaml.NodeToValue(node, into, yaml.Strict()); err != nil {
		f.add(f.place(d.root), name+" cannot be decoded"+f.reason(err), "see what the documentation says of it")
	}
	return f.err()
}

// Place finds where a value stands, by the keys and indices that lead to it, or else
// what of the way there is.
func (d *Document) Place(way ...any) Position {
	r := &reader{file: d.file}
	node := d.root
	at := r.place(node)
	for _, step := range way {
		var next ast.Node
		switch n := node.(type) {
		case *ast.SequenceNode:
			if i, ok := step.(int); ok && i < len(n.Values) {
				next = n.Values[i]
				at = r.place(next)
			}
		case ast.MapNode:
			pairs, _ := r.entries("", node)
			for _, p := range pairs {
				if p.key.v == fmt.Sprint(step) {
					next = p.value
					at = p.key.at
				}
			}
		}
		if next == nil {
			return at
		}
		node = next
	}
	if _, isMap := node.(ast.MapNode); !isMap {
		at = r.place(node)
	}
	return at
}
