package transcode

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// fieldPath leads from a message to one of its fields, or to one of those that it holds.
type fieldPath []protoreflect.FieldDescriptor

// resolve follows a path of names, as the proto or as JSON has them.
func resolve(m protoreflect.MessageDescriptor, path string) (fieldPath, error) {
	var fields fieldPath
	for name := range strings.SplitSeq(path, ".") {
		if m == nil {
			return nil, fmt.Errorf("%s has no field %q", fields[len(fields)-1].FullName(), name)
		}
		f := m.Fields().ByName(protoreflect.Name(name))
		if f == nil {
			f = m.Fields().ByJSONName(name)
		}
		if f == nil {
			return nil, fmt.Errorf("%s has no field %q", m.FullName(), name)
		}
		fields = append(fields, f)
		m = nil
		if f.Message() != nil && !f.IsList() && !f.IsMap() {
			m = f.Message()
		}
	}
	return fields, nil
}

func (p fieldPath) last() protoreflect.FieldDescriptor { return p[len(p)-1] }

// String gives the names of JSON.
func (p fieldPath) String() string {
	names := make([]string, len(p))
	for i, f := range p {
		names[i] = f.JSONName()
	}
	return strings.Join(names, ".")
}

// begins tells whether p is q, or leads to a message that holds it.
func (p fieldPath) begins(q fieldPath) bool {
	if len(p) > len(q) {
		return false
	}
	for i := range p {
		if p[i].FullName() != q[i].FullName() {
			return false
		}
	}
	return true
}

// holder is the message that has the last field, made where it is missing.
func (p fieldPath) holder(m protoreflect.Message) protoreflect.Message {
	for _, f := range p[:len(p)-1] {
		m = m.Mutable(f).Message()
	}
	return m
}

// set gives the field a value out of a path or a query. A field of a oneof takes the
// place of another: who binds several has to look before.
func (p fieldPath) set(m protoreflect.Message, text string) error {
	f := p.last()
	m = p.holder(m)
	v, err := parseValue(f, text, func() protoreflect.Value {
		if f.IsList() {
			return m.NewField(f).List().NewElement()
		}
		return m.NewField(f)
	})
	if err != nil {
		return err
	}
	if f.IsList() {
		m.Mutable(f).List().Append(v)
	} else {
		m.Set(f, v)
	}
	return nil
}
