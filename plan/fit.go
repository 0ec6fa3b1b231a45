package plan

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// fitter holds a configuration against the Go type it is for: it finds unknown
// keys and wrong types, all of them, and gives expanded text the type that is
// wanted. What it passes the decoder takes.
type fitter struct{ *reader }

// fit gives the node to decode into t; the given one is not changed.
func (f *fitter) fit(path string, n ast.Node, t reflect.Type) ast.Node {
	for t.Kind() == reflect.Pointer && !decodesItself(t) {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[HTTPPolicies]() && !isNothing(n):
		return f.fitPolicies(path, n)
	case decodesItself(t), t.Kind() == reflect.Interface, isNothing(n):
		return n
	case t == reflect.TypeFor[time.Duration]():
		return f.fitDuration(path, n)
	case t == reflect.TypeFor[Path]():
		return f.fitPath(path, n)
	}
	switch t.Kind() { //nolint:exhaustive // all others are scalars
	case reflect.Struct, reflect.Map:
		return f.fitMapping(path, n, t)
	case reflect.Slice, reflect.Array:
		return f.fitList(path, n, t)
	default:
		return f.fitScalar(path, n, t)
	}
}

// decodesItself tells of types with methods that the decoder calls.
func decodesItself(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer {
		t = reflect.PointerTo(t)
	}
	_, fromYAML := t.MethodByName("UnmarshalYAML")
	_, fromText := t.MethodByName("UnmarshalText")
	return fromYAML || fromText
}

func (f *fitter) fitMapping(path string, n ast.Node, t reflect.Type) ast.Node {
	fields := map[string]reflect.Type{}
	if t.Kind() == reflect.Struct {
		fieldsOf(t, fields)
	}
	pairs, ok := f.entries(path, n)
	if !ok {
		f.misfit(path, n, mappingWith(fields))
		return n
	}
	var values []*ast.MappingValueNode
	for _, p := range pairs {
		field, known := fields[p.key.v]
		switch {
		case t.Kind() == reflect.Map:
			field = t.Elem()
		case !known:
			f.add(p.key.at, fmt.Sprintf("%s has no key %s", path, quote(p.key.v)),
				suggest(p.key.v, slices.Sorted(maps.Keys(fields)), "key"))
			continue
		}
		value := f.fit(below(path, p.key.v), p.value, field)
		values = append(values, ast.MappingValue(p.node.Start, p.node.Key, value))
	}
	return ast.Mapping(n.GetToken(), false, values...)
}

// mappingWith names some of the keys that are wanted.
func mappingWith(fields map[string]reflect.Type) string {
	const some = 3
	names := slices.Sorted(maps.Keys(fields))
	if len(names) == 0 {
		return "a mapping"
	}
	return "a mapping with keys such as " + listed(names[:min(some, len(names))])
}

// fieldsOf finds the keys of a struct as the decoder names them.
func fieldsOf(t reflect.Type, into map[string]reflect.Type) {
	for _, field := range reflect.VisibleFields(t) {
		tag := field.Tag.Get("yaml")
		if tag == "" {
			tag = field.Tag.Get("json")
		}
		name, options, _ := strings.Cut(tag, ",")
		inline := field.Anonymous && strings.Contains(options, "inline")
		if !field.IsExported() || tag == "-" || inline || len(field.Index) > 1 && !inlined(t, field.Index) {
			continue
		}
		if name == "" {
			name = strings.ToLower(field.Name)
		}
		into[name] = field.Type
	}
}

// inlined tells whether the fields on the way to an embedded one are all inline.
func inlined(t reflect.Type, index []int) bool {
	for i := 1; i < len(index); i++ {
		_, options, _ := strings.Cut(t.FieldByIndex(index[:i]).Tag.Get("yaml"), ",")
		if !strings.Contains(options, "inline") {
			return false
		}
	}
	return true
}

func (f *fitter) fitList(path string, n ast.Node, t reflect.Type) ast.Node {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		f.misfit(path, n, "a list")
		return n
	}
	fitted := ast.Sequence(list.Start, list.IsFlowStyle)
	for i, item := range list.Values {
		fitted.Values = append(fitted.Values, f.fit(fmt.Sprintf("%s[%d]", path, i), item, t.Elem()))
	}
	return fitted
}

func (f *fitter) fitDuration(path string, n ast.Node) ast.Node {
	s, _ := asText(n)
	if _, err := time.ParseDuration(s); err != nil {
		f.misfit(path, n, "a time with its unit, such as 500ms or 2s")
	}
	return n
}

// Path is a file's path in a configuration. A relative one starts at the folder of the
// file that it is written in, and is decoded as one that starts at the working folder.
type Path string

func (f *fitter) fitPath(path string, n ast.Node) ast.Node {
	text, ok := asText(n)
	if !ok {
		f.misfit(path, n, "a file's path")
		return n
	}
	whole := f.beside(text)
	tk := token.New(whole, whole, n.GetToken().Position)
	tk.Type = token.DoubleQuoteType
	return ast.String(tk)
}

func (f *fitter) fitScalar(path string, n ast.Node, t reflect.Type) ast.Node {
	text := ""
	switch n := n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		if t.Kind() == reflect.String {
			return n
		}
		if f.secret[n] {
			text, _ = asText(n)
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		text = fmt.Sprint(n.(ast.ScalarNode).GetValue()) // all three are scalars
	}
	if typed := typedNode(text, n.GetToken(), t); typed != nil {
		return typed
	}
	f.misfit(path, n, wanted(t))
	return n
}

// typedNode makes the node that decodes into t, or nil if text is none such.
func typedNode(text string, at *token.Token, t reflect.Type) ast.Node {
	text = strings.TrimSpace(text)
	tk := token.New(text, text, at.Position)
	switch t.Kind() { //nolint:exhaustive // nothing else can be written as plain text
	case reflect.Bool:
		if v, err := strconv.ParseBool(text); err == nil {
			n := ast.Bool(tk)
			n.Value = v
			return n
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if v, err := strconv.ParseInt(text, 10, t.Bits()); err == nil {
			n := ast.Integer(tk)
			n.Value = v
			return n
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v, err := strconv.ParseUint(text, 10, t.Bits()); err == nil {
			n := ast.Integer(tk)
			n.Value = v
			return n
		}
	case reflect.Float32, reflect.Float64:
		if v, err := strconv.ParseFloat(text, t.Bits()); err == nil {
			n := ast.Float(tk)
			n.Value = v
			return n
		}
	}
	return nil
}

func wanted(t reflect.Type) string {
	switch t.Kind() { //nolint:exhaustive // all others are whole numbers
	case reflect.String:
		return "text: put it in quotes"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number from 0 to %d", uint64(1)<<t.Bits()-1)
	default:
		return fmt.Sprintf("a whole number of %d bits", t.Bits())
	}
}

// misfit is like wrong, but never repeats text: it may be a secret.
func (f *fitter) misfit(path string, n ast.Node, want string) {
	what := "is text"
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		if f.secret[n] {
			what = "is, when expanded, something else"
		}
	default:
		f.wrong(path, n, want)
		return
	}
	f.add(f.place(n), path+" "+what, "it must be "+want)
}
