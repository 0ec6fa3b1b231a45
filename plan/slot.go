package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// placed is a value and where the file has it.
type placed[T any] struct {
	v  T
	at Position
}

func (p placed[T]) set() bool { return p.at.Line > 0 }

// reader turns the nodes of a file into the structs of keys.go.
type reader struct {
	mistakes
	file     string
	document bool              // it is a Document's, and no plan
	secret   map[ast.Node]bool // text that came from the environment or a file, which no mistake repeats
}

// kind is what mistakes call the file.
func (r *reader) kind() string {
	if r.document {
		return "configuration"
	}
	return "plan"
}

// slot is where the value of one key goes. It knows both how to read the value
// and how an editor may check it, so that the two cannot disagree.
type slot interface {
	read(r *reader, path string, n ast.Node)
	schema() rules
}

// key is one key of a mapping.
type key struct {
	name, doc string
	required  string // what to do when it is missing; "": it may be
	slot      slot
}

// keyed is a mapping whose keys are known.
type keyed interface{ keys() []key }

// scalar is a slot for one value.
type scalar[T any] struct {
	into  *placed[T]
	want  string // "a whole number, such as 2"
	parse func(ast.Node) (T, bool)
	shape rules
}

func (s scalar[T]) read(r *reader, path string, n ast.Node) {
	v, ok := s.parse(n)
	if !ok {
		r.wrong(path, n, s.want)
		return
	}
	*s.into = placed[T]{v, r.place(n)}
}

func (s scalar[T]) schema() rules { return s.shape }

func text(into *placed[string], want string) slot {
	return scalar[string]{into, "text: " + want, asText, ofType("string", rules{"minLength": 1})}
}

func asText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, n.Value != ""
	case *ast.LiteralNode:
		return n.Value.Value, n.Value.Value != ""
	}
	return "", false
}

func whole(into *placed[int], most int) scalar[int] {
	want := fmt.Sprintf("a whole number from 1 to %d", most)
	if most == 1 {
		want = "1"
	}
	return scalar[int]{
		into, want,
		func(n ast.Node) (int, bool) {
			i, ok := n.(*ast.IntegerNode)
			if !ok {
				return 0, false
			}
			v, ok := i.Value.(uint64)
			return int(min(v, 1<<31)), ok && v >= 1 && v <= uint64(most)
		},
		ofType("integer", rules{"minimum": 1, "maximum": most}),
	}
}

func flag(into *placed[bool]) slot {
	return scalar[bool]{
		into, "true or false",
		func(n ast.Node) (bool, bool) {
			b, ok := n.(*ast.BoolNode)
			return ok && b.Value, ok
		},
		ofType("boolean", nil),
	}
}

// choice is a slot for one of several words.
func choice[T fmt.Stringer](into *placed[T], all ...T) slot {
	words := make([]string, len(all))
	for i, v := range all {
		words[i] = v.String()
	}
	return scalar[T]{
		into, listed(words),
		func(n ast.Node) (v T, ok bool) {
			word, _ := asText(n)
			i := slices.Index(words, word)
			if i < 0 {
				return v, false
			}
			return all[i], true
		},
		ofType("string", rules{"enum": words}),
	}
}

func duration(into *placed[time.Duration]) scalar[time.Duration] {
	return scalar[time.Duration]{
		into, "a time above zero with its unit, such as 500ms, 2s or 1m",
		func(n ast.Node) (time.Duration, bool) {
			s, _ := asText(n)
			d, err := time.ParseDuration(s)
			return d, err == nil && d > 0
		},
		ofType("string", rules{"pattern": `^\+?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`}),
	}
}

// urlOr is a slot for a URL, or for a mapping of which that is one key.
type urlOr[T keyed] struct {
	url  *placed[string]
	more T
	want string
}

func (s urlOr[T]) read(r *reader, path string, n ast.Node) {
	if pairs, ok := r.entries(path, n); ok && len(pairs) > 0 {
		r.object(path, r.place(n), n, s.more)
		return
	}
	text(s.url, s.want).read(r, path, n)
}

func (s urlOr[T]) schema() rules {
	more := objectSchema(s.more)
	more["minProperties"] = 1
	return rules{"anyOf": []rules{ofType("string", rules{"minLength": 1}), more}}
}

// texts is a slot for a list of texts.
type texts struct {
	into *placed[[]placed[string]]
	want string
	each string // what one of them is
	set  bool   // none may be there twice
}

func (s texts) read(r *reader, path string, n ast.Node) {
	list, ok := n.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		r.wrong(path, n, s.want)
		return
	}
	s.into.at = r.place(n)
	for _, item := range list.Values {
		var v placed[string]
		text(&v, s.each).read(r, "an entry of "+path, item)
		if v.set() {
			s.into.v = append(s.into.v, v)
		}
	}
}

func (s texts) schema() rules {
	list := ofType("array", rules{"minItems": 1, "items": ofType("string", rules{"minLength": 1})})
	if s.set {
		list["uniqueItems"] = true
	}
	return list
}

// mapping is a slot for a mapping from any name to structs of one sort.
type mapping[T keyed] struct {
	into *placed[[]named[T]]
	noun string // of one entry
	want string
	make func() T
	keys rules // schema of the names
}

// named is one entry of such a mapping.
type named[T any] struct {
	name placed[string]
	v    T
}

func (s mapping[T]) read(r *reader, path string, n ast.Node) {
	pairs, ok := r.entries(path, n)
	if !ok || len(pairs) == 0 {
		r.wrong(path, n, s.want)
		return
	}
	s.into.at = r.place(n)
	for _, p := range pairs {
		v := s.make()
		r.object(s.noun+" "+clip(p.key.v), p.key.at, p.value, v)
		s.into.v = append(s.into.v, named[T]{p.key, v})
	}
}

func (s mapping[T]) schema() rules {
	m := ofType("object", rules{"minProperties": 1, "additionalProperties": objectSchema(s.make())})
	if s.keys != nil {
		m["propertyNames"] = s.keys
	}
	return m
}

// nodes is a slot for a mapping from any name to anything: its nodes are kept.
type nodes struct{ into *[]named[ast.Node] }

func (s nodes) read(r *reader, path string, n ast.Node) {
	pairs, ok := r.entries(path, n)
	if !ok {
		r.wrong(path, n, "a mapping from services to their configuration")
		return
	}
	for _, p := range pairs {
		*s.into = append(*s.into, named[ast.Node]{p.key, p.value})
	}
}

func (nodes) schema() rules { return ofType("object", nil) }
