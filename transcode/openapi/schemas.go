//nolint:goconst // the words of JSON Schema and OpenAPI
package openapi

import (
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// schemas are those of messages and enums, by their full names.
type schemas struct {
	byName map[string]object
}

func newSchemas() *schemas { return &schemas{make(map[string]object)} }

func (s *schemas) all() object {
	all := object{} //nolint:prealloc // short, and made once
	names := make([]string, 0, len(s.byName))
	for name := range s.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		all = append(all, member{name, s.byName[name]})
	}
	return all
}

// ref leads to a schema, which is made when it is first asked for.
func (s *schemas) ref(d protoreflect.Descriptor, build func() object) object {
	name := string(d.FullName())
	if _, there := s.byName[name]; !there {
		s.byName[name] = nil // one that holds itself finds it
		s.byName[name] = build()
	}
	return object{{"$ref", "#/components/schemas/" + name}}
}

// known are messages that are something of their own in JSON.
var known = map[protoreflect.FullName]object{
	"google.protobuf.Timestamp": {{"type", "string"}, {"format", "date-time"}},
	"google.protobuf.Duration": {
		{"type", "string"}, {"pattern", `^-?[0-9]+(\.[0-9]{1,9})?s$`}, {"examples", []string{"1.5s"}},
	},
	"google.protobuf.FieldMask": {{"type", "string"}, {"examples", []string{"title,author.name"}}},
	"google.protobuf.Struct":    {{"type", "object"}},
	"google.protobuf.Value":     {{"description", "Any value."}},
	"google.protobuf.ListValue": {{"type", "array"}},
	"google.protobuf.Empty":     {{"type", "object"}},
	"google.protobuf.Any": {
		{"type", "object"},
		{"description", "A message of any type, which @type names."},
		{"properties", object{{"@type", object{{"type", "string"}}}}},
	},
}

func (s *schemas) message(m protoreflect.MessageDescriptor) object {
	if schema, ok := known[m.FullName()]; ok {
		return schema
	}
	if isWrapper(m) {
		return object{{"anyOf", []any{s.scalar(m.Fields().Get(0)), object{{"type", "null"}}}}}
	}
	return s.ref(m, func() object { return s.build(m) })
}

func isWrapper(m protoreflect.MessageDescriptor) bool {
	return m.ParentFile() != nil && m.ParentFile().Path() == "google/protobuf/wrappers.proto"
}

func (s *schemas) build(m protoreflect.MessageDescriptor) object {
	var properties object //nolint:prealloc // short, and made once
	var required []string
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		schema := s.field(f)
		of := behaviors(f)
		properties = append(properties, member{f.JSONName(), slices.Clip(schema).with("description", comment(f)).
			with("deprecated", isDeprecated(f)).
			with("readOnly", slices.Contains(of, annotations.FieldBehavior_OUTPUT_ONLY)).
			with("writeOnly", slices.Contains(of, annotations.FieldBehavior_INPUT_ONLY))})
		if slices.Contains(of, annotations.FieldBehavior_REQUIRED) {
			required = append(required, f.JSONName())
		}
	}
	return object{{"type", "object"}}.with("description", comment(m)).with("deprecated", isDeprecated(m)).
		with("properties", properties).with("required", required).with("allOf", choices(m))
}

func behaviors(f protoreflect.FieldDescriptor) []annotations.FieldBehavior {
	all, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return all
}

// choices say of each oneof that at most one of its fields is there.
func choices(m protoreflect.MessageDescriptor) []any {
	var all []any
	for i := range m.Oneofs().Len() {
		o := m.Oneofs().Get(i)
		if o.IsSynthetic() {
			continue
		}
		var each []any
		for k := range o.Fields().Len() {
			each = append(each, object{{"required", []string{o.Fields().Get(k).JSONName()}}})
		}
		none := object{{"not", object{{"anyOf", slices.Clone(each)}}}}
		all = append(all, object{{"oneOf", append(each, none)}}.with("description", comment(o)))
	}
	return all
}

// field is the schema of all that a field may hold.
func (s *schemas) field(f protoreflect.FieldDescriptor) object {
	switch {
	case f.IsMap():
		return object{{"type", "object"}, {"additionalProperties", s.single(f.MapValue())}}
	case f.IsList():
		return object{{"type", "array"}, {"items", s.single(f)}}
	}
	return s.single(f)
}

// part is the schema of a field that is all of an answer, which is null where it is a message that is not set.
func (s *schemas) part(f protoreflect.FieldDescriptor) object {
	schema, m := s.field(f), f.Message()
	if m == nil || f.IsList() || f.IsMap() || isWrapper(m) || m.FullName() == "google.protobuf.Value" ||
		m.FullName() == httpBody {
		return schema
	}
	return object{{"anyOf", []any{schema, object{{"type", "null"}}}}}
}

// single is the schema of one value.
func (s *schemas) single(f protoreflect.FieldDescriptor) object {
	switch {
	case f.Message() != nil:
		return s.message(f.Message())
	case f.Enum() != nil:
		return s.enum(f.Enum())
	}
	return s.scalar(f)
}

func (s *schemas) enum(e protoreflect.EnumDescriptor) object {
	if e.FullName() == "google.protobuf.NullValue" {
		return object{{"type", "null"}}
	}
	return s.ref(e, func() object {
		var names, notes []string //nolint:prealloc // short, and made once
		for i := range e.Values().Len() {
			v := e.Values().Get(i)
			names = append(names, string(v.Name()))
			if text := comment(v); text != "" {
				notes = append(notes, "- `"+string(v.Name())+"`: "+text)
			}
		}
		text := strings.TrimSpace(comment(e) + "\n\n" + strings.Join(notes, "\n"))
		return object{{"type", "string"}, {"enum", names}}.with("description", text).with("deprecated", isDeprecated(e))
	})
}

// scalar is as protobuf's JSON mapping has it: numbers of 64 bits are text.
func (s *schemas) scalar(f protoreflect.FieldDescriptor) object {
	switch f.Kind() { //nolint:exhaustive // the others hold more than one value
	case protoreflect.BoolKind:
		return object{{"type", "boolean"}}
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return object{{"type", "integer"}, {"format", "int32"}}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return object{{"type", "integer"}, {"format", "int64"}, {"minimum", 0}}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return object{{"type", "string"}, {"format", "int64"}, {"pattern", "^-?[0-9]+$"}}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return object{{"type", "string"}, {"format", "uint64"}, {"pattern", "^[0-9]+$"}}
	case protoreflect.FloatKind:
		return number("float")
	case protoreflect.DoubleKind:
		return number("double")
	case protoreflect.BytesKind:
		return object{{"type", "string"}, {"contentEncoding", "base64"}}
	}
	return object{{"type", "string"}}
}

func number(format string) object {
	return object{{"anyOf", []any{
		object{{"type", "number"}, {"format", format}}, object{{"enum", []string{"NaN", "Infinity", "-Infinity"}}},
	}}}
}

func (s *schemas) status() object { return s.message((&spb.Status{}).ProtoReflect().Descriptor()) }

// failure is how every operation fails.
func (s *schemas) failure() object {
	status := s.status()
	problem := object{
		{"type", "object"},
		{"description", "RFC 9457, for clients that accept it."},
		{"properties", object{
			{"title", object{{"type", "string"}}},
			{"status", object{{"type", "integer"}}},
			{"detail", object{{"type", "string"}}},
			{"code", object{{"type", "string"}, {"description", "of gRPC"}}},
			{"details", object{{"type", "array"}, {"items", known["google.protobuf.Any"]}}},
		}},
	}
	return object{
		{"description", "What went wrong. The HTTP status follows from the code of gRPC."},
		{"content", object{
			{"application/json", object{{"schema", status}}}, {"application/problem+json", object{{"schema", problem}}},
		}},
	}
}
