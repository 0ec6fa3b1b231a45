package transcode

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/kerf-go/kerf/internal/pathtemplate"
)

// tree finds the binding of a path. In each segment a literal goes before one, and that
// before several; what leads to no binding is left for the next.
type tree struct{ root node }

type node struct {
	literals map[string]*node
	one      *node
	here     map[ending]*binding // paths that end here
	rest     map[ending]*binding // those with several from here on
}

type ending struct{ verb, method string }

func (t *tree) add(b *binding) error {
	n := &t.root
	ends := &n.here
	for _, segment := range b.template.Segments {
		if segment == pathtemplate.Several {
			ends = &n.rest
			break
		}
		n = n.next(segment)
		ends = &n.here
	}
	e := ending{b.template.Verb, b.verb}
	if other := (*ends)[e]; other != nil {
		return fmt.Errorf("%s %s of %s is also %s of %s: change one of them",
			b.verb, b.path, b.method.full, other.path, other.method.full)
	}
	if *ends == nil {
		*ends = make(map[ending]*binding)
	}
	(*ends)[e] = b
	return nil
}

func (n *node) next(segment string) *node {
	if segment == pathtemplate.One {
		if n.one == nil {
			n.one = new(node)
		}
		return n.one
	}
	if n.literals[segment] == nil {
		if n.literals == nil {
			n.literals = make(map[string]*node)
		}
		n.literals[segment] = new(node)
	}
	return n.literals[segment]
}

// find looks for a path as it came, still encoded. It returns the path without the
// binding's verb, too. Without a binding, allowed lists the methods that have one.
func (t *tree) find(path, method string) (b *binding, bare string, allowed []string) {
	if path == "/" || !strings.HasPrefix(path, "/") { // a server is also asked for "*" and ""
		path = ""
	}
	colon := strings.LastIndexByte(path, ':')
	hasVerb := colon > strings.LastIndexByte(path, '/')+1
	if hasVerb {
		if b := t.root.find(path[:colon], ending{path[colon+1:], method}); b != nil {
			return b, path[:colon], nil
		}
	}
	if b := t.root.find(path, ending{"", method}); b != nil {
		return b, path, nil
	}
	methods := make(map[string]bool)
	if hasVerb {
		t.root.collect(path[:colon], path[colon+1:], methods)
	}
	t.root.collect(path, "", methods)
	return nil, "", slices.Sorted(maps.Keys(methods))
}

// cut takes the first segment of "/a/b", decoded where it is not a plain one.
func cut(path string) (segment, rest string) {
	segment, rest = path[1:], ""
	if slash := strings.IndexByte(segment, '/'); slash >= 0 {
		segment, rest = segment[:slash], segment[slash:]
	}
	if strings.IndexByte(segment, '%') >= 0 {
		if plain, err := url.PathUnescape(segment); err == nil {
			segment = plain
		}
	}
	return segment, rest
}

func (n *node) find(path string, e ending) *binding {
	if path == "" {
		if b := n.here[e]; b != nil {
			return b
		}
		return n.rest[e]
	}
	segment, rest := cut(path)
	if next := n.literals[segment]; next != nil {
		if b := next.find(rest, e); b != nil {
			return b
		}
	}
	if n.one != nil && segment != "" {
		if b := n.one.find(rest, e); b != nil {
			return b
		}
	}
	return n.rest[e]
}

// collect notes the methods of all templates that a path matches.
func (n *node) collect(path, verb string, methods map[string]bool) {
	note := func(ends map[ending]*binding) {
		for e := range ends {
			if e.verb == verb {
				methods[e.method] = true
			}
		}
	}
	note(n.rest)
	if path == "" {
		note(n.here)
		return
	}
	segment, rest := cut(path)
	if next := n.literals[segment]; next != nil {
		next.collect(rest, verb, methods)
	}
	if n.one != nil && segment != "" {
		n.one.collect(rest, verb, methods)
	}
}
