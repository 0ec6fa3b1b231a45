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
	root ast.Node // nil: it is empty
}

// wholeDocument is how mistakes call all of one; what is in it has its keys as its name.
const wholeDocument = "the configuration"

// below names what a key leads to.
func below(path, key string) string {
	if path == wholeDocument {
		return clip(key)
	}
	return path + "." + clip(key)
}

// ReadDocument reads the text of a file, which may be empty. Relative paths in ${file:...} start at
// its folder.
func ReadDocument(file string, text []byte) (*Document, error) {
	r := &reader{file: file, document: true}
	root := r.parseYAML(text)
	if err := r.err(); err != nil {
		return nil, err
	}
	return &Document{file, root}, nil
}

// Decode fills a struct by its yaml tags, as DecodeConfig does: strictly, with what
// ${env:...} and ${file:...} name put in. Of an empty one nothing is set.
func (d *Document) Decode(into any) error {
	if isNothing(d.root) {
		return nil
	}
	r := &reader{file: d.file, document: true, secret: map[ast.Node]bool{}}
	templates := map[ast.Node]template{}
	r.templates(wholeDocument, d.root, templates)
	if err := r.err(); err != nil {
		return err
	}
	e := expander{reader: r, templates: templates}
	f := fitter{r}
	node := f.fit(wholeDocument, e.expand(wholeDocument, d.root), reflect.TypeOf(into))
	if err := f.err(); err != nil {
		return err
	}
	if err := yaml.NodeToValue(node, into, yaml.Strict()); err != nil {
		f.add(f.place(d.root), wholeDocument+" cannot be decoded"+f.reason(err),
			"see what the documentation says of it")
	}
	return f.err()
}

// Place finds where a value stands, by the keys and indices that lead to it, or else
// what of the way there is.
func (d *Document) Place(way ...any) Position {
	r := &reader{file: d.file, document: true}
	node := d.root
	if node == nil {
		return Position{File: d.file, Line: 1, Column: 1}
	}
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
