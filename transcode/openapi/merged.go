//nolint:goconst // the words of JSON Schema and OpenAPI
package openapi

import (
	"slices"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kerf-go/kerf/transcode"
)

// Merged is a GET whose answer has the answers of several operations as its members.
type Merged struct {
	ID    string
	Path  string   // with a name in braces for each part that varies, as that of a transcode.Operation
	Open  bool     // the last of these is any number of segments
	Query []string // parameters that are required
	May   []string // those that are not
	Parts []Part
}

// Part is a member of such an answer.
type Part struct {
	Name     string
	Optional bool
	Of       *transcode.Operation // that answers; nil: anything may be in it
	Field    []string             // what of the answer is the part, by names and numbers; nil: all
}

// mergedTag is what they are listed by, since they are of no service.
const mergedTag = "Answers made of several"

func (d *document) addMerged(m Merged) {
	if len(d.tags) == 0 || !slices.ContainsFunc(d.tags, isMergedTag) {
		d.tags = append(d.tags, object{{"name", mergedTag}})
	}
	if d.ids[m.ID]++; d.ids[m.ID] > 1 {
		m.ID += "." + strconv.Itoa(d.ids[m.ID])
	}
	path, names := d.path(m.Path)
	parameters := make([]any, 0, len(names)+len(m.Query)+len(m.May))
	add := func(name, in string, required bool, note string) {
		parameters = append(parameters, object{{"name", name}, {"in", in}}.with("required", required).
			with("description", note).with("schema", object{{"type", "string"}}))
	}
	for i, name := range names {
		note := ""
		if m.Open && i == len(names)-1 {
			note = anySegments
		}
		add(name, "path", true, note)
	}
	for _, name := range m.Query {
		add(name, "query", true, "")
	}
	for _, name := range m.May {
		add(name, "query", false, "")
	}
	item, _ := d.paths.get(path).(object)
	d.paths = d.paths.set(path, item.set("get", object{
		{"operationId", m.ID}, {"tags", []string{mergedTag}}, {"summary", m.ID},
	}.with("parameters", parameters).with("responses", object{
		{"200", object{{"description", "The answers."}, {"content", d.content(nil, d.parts(m.Parts))}}},
		{"default", object{{"$ref", "#/components/responses/Error"}}},
	})))
}

func isMergedTag(tag any) bool {
	o, _ := tag.(object)
	return o.get("name") == mergedTag
}

// parts is the schema of the whole answer.
func (d *document) parts(all []Part) object {
	var properties object
	var required []string
	for _, p := range all {
		properties = append(properties, member{p.Name, d.part(p)})
		if !p.Optional {
			required = append(required, p.Name)
		}
	}
	if len(required) < len(all) {
		properties = append(properties, member{"missing", object{
			{"type", "object"},
			{"description", "Why parts are not there, by their names."},
			{"additionalProperties", d.schemas.status()},
		}})
	}
	return object{{"type", "object"}}.with("required", required).with("properties", properties)
}

// part is the schema of what a part picks of its answer.
func (d *document) part(p Part) object {
	switch {
	case p.Of == nil || p.Of.Method.IsStreamingServer():
		return object{}
	case p.Of.Answer != nil:
		return d.within(p.Of.Answer, p.Field)
	}
	return d.member(p.Of.Method.Output(), p.Field)
}

// member is the schema of what is below a message.
func (d *document) member(m protoreflect.MessageDescriptor, way []string) object {
	if len(way) == 0 {
		return d.schemas.message(m)
	}
	if f := m.Fields().ByJSONName(way[0]); f != nil && known[m.FullName()] == nil && !isWrapper(m) {
		return d.within(f, way[1:])
	}
	return object{} // it may be anything, or is never there
}

// within is the schema of what is below a field.
func (d *document) within(f protoreflect.FieldDescriptor, way []string) object {
	switch {
	case len(way) == 0:
		return d.schemas.field(f)
	case f.IsMap():
		f, way = f.MapValue(), way[1:]
	case f.IsList():
		way = way[1:]
	}
	switch {
	case len(way) == 0:
		return d.schemas.single(f)
	case f.Message() != nil:
		return d.member(f.Message(), way)
	}
	return object{}
}
