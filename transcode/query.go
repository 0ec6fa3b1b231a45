package transcode

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// setQuery binds the parameters of a query: to fields that are bound neither by the
// path nor by the body. All others are refused by name.
func (b *binding) setQuery(m protoreflect.Message, query url.Values) error {
	chosen := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(query)) {
		p, err := b.inQuery(name)
		if err != nil {
			return err
		}
		if err := p.choose(chosen); err != nil {
			return err
		}
		values := query[name]
		if len(values) > 1 && !p.last().IsList() {
			return invalid("query parameter %q: it is given %d times, and takes one value", name, len(values))
		}
		for _, text := range values {
			if err := p.set(m, text); err != nil {
				return invalid("query parameter %q: %v", name, err)
			}
		}
	}
	return nil
}

// choose notes which fields of oneofs a path takes. Of each only one can be taken, by
// any number of parameters if it is a message.
func (p fieldPath) choose(chosen map[string]string) error {
	for i, f := range p {
		o := f.ContainingOneof()
		if o == nil || o.IsSynthetic() {
			continue
		}
		key := p[:i].String() + "/" + string(o.Name())
		if other := chosen[key]; other != "" && other != f.JSONName() {
			return invalid("query parameters: %s and %s exclude each other", other, f.JSONName())
		}
		chosen[key] = f.JSONName()
	}
	return nil
}

// inQuery finds the field of a parameter.
func (b *binding) inQuery(name string) (fieldPath, error) {
	if b.whole {
		return nil, invalid("unknown query parameter %q: %s %s takes its message in the body", name, b.verb, b.path)
	}
	p, err := resolve(b.method.in.Descriptor(), name)
	if err != nil {
		known := b.parameters()
		if len(known) == 0 {
			return nil, invalid("unknown query parameter %q: %s %s has none", name, b.verb, b.path)
		}
		return nil, invalid("unknown query parameter %q: %s %s has %s", name, b.verb, b.path, strings.Join(known, ", "))
	}
	if b.body != nil && p[0].FullName() == b.body.FullName() {
		return nil, invalid("query parameter %q: it belongs in the body", name)
	}
	for _, other := range b.inPath {
		if p.begins(other) || other.begins(p) {
			return nil, invalid("query parameter %q: it is in the path already", name)
		}
	}
	if !isBindable(p.last()) {
		return nil, invalid("query parameter %q: it is not a value that a query can hold", name)
	}
	return p, nil
}

// parameters lists those of the message's own fields that a query may set; those that
// hold messages with a star for the names that follow.
func (b *binding) parameters() []string {
	var names []string
	fields := b.method.in.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		name := f.JSONName()
		switch {
		case isBindable(f):
		case f.IsMap() || f.IsList():
			continue
		default:
			name += ".*"
		}
		inPath := slices.ContainsFunc(b.inPath, func(p fieldPath) bool { return p[0].FullName() == f.FullName() })
		if !inPath && (b.body == nil || b.body.FullName() != f.FullName()) {
			names = append(names, name)
		}
	}
	return names
}
