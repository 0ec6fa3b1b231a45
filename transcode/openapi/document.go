//nolint:goconst // the words of JSON Schema and OpenAPI
package openapi

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/kerf-go/kerf/transcode"
)

// Info is what a document says of itself.
type Info struct {
	Title       string
	Version     string // of the API; empty: 1
	Description string // in Markdown; may be empty
}

// verbs are those that OpenAPI 3.1 has a place for, in its order.
var verbs = []string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"}

// Document describes operations, and what is merged of some, in OpenAPI 3.1, as JSON. One whose
// HTTP method OpenAPI does not know is left out.
func Document(info Info, operations []transcode.Operation, merged ...Merged) ([]byte, error) {
	if info.Version == "" {
		info.Version = "1"
	}
	d := &document{schemas: newSchemas(), shapes: make(map[string]string), ids: make(map[string]int)}
	for _, o := range operations {
		if slices.Contains(verbs, o.Verb) {
			d.add(o)
		}
	}
	for _, m := range merged {
		d.addMerged(m)
	}
	failure := d.schemas.failure() // which has a schema of its own
	whole := object{
		{"openapi", "3.1.1"},
		{"info", object{{"title", info.Title}}.with("description", info.Description).with("version", info.Version)},
		{"paths", d.ordered()},
		{"components", object{{"schemas", d.schemas.all()}, {"responses", object{{"Error", failure}}}}},
	}.with("tags", d.tags)
	return json.Marshal(whole)
}

type document struct {
	schemas *schemas
	paths   object
	shapes  map[string]string // paths whose parameters have no names, to the one with the names that count
	ids     map[string]int
	tags    []any
	tagged  map[protoreflect.FullName]bool
}

var inBraces = regexp.MustCompile(`\{[^}]*\}`)

// path gives a path with the names of its parameters. Paths that differ only in these are the same:
// the first one's count.
func (d *document) path(of string) (path string, names []string) {
	shape := inBraces.ReplaceAllString(of, "{}")
	if d.shapes[shape] == "" {
		d.shapes[shape] = of
	}
	for _, name := range inBraces.FindAllString(d.shapes[shape], -1) {
		names = append(names, strings.Trim(name, "{}"))
	}
	return d.shapes[shape], names
}

// add puts an operation at its path.
func (d *document) add(o transcode.Operation) {
	path, names := d.path(o.Path)
	o.InPath = slices.Clone(o.InPath)
	for i := range o.InPath {
		o.InPath[i].Name = names[i]
	}
	item, _ := d.paths.get(path).(object)
	d.paths = d.paths.set(path, item.set(strings.ToLower(o.Verb), d.operation(o)))
	service := o.Method.Parent()
	if d.tagged == nil {
		d.tagged = make(map[protoreflect.FullName]bool)
	}
	if !d.tagged[service.FullName()] {
		d.tagged[service.FullName()] = true
		d.tags = append(d.tags, object{{"name", string(service.FullName())}}.with("description", comment(service)))
	}
}

// ordered puts the operations of each path in OpenAPI's order.
func (d *document) ordered() object {
	paths := object{} //nolint:prealloc // short, and made once
	for _, p := range d.paths {
		item, _ := p.value.(object)
		slices.SortFunc(item, func(a, b member) int {
			return slices.Index(verbs, strings.ToUpper(a.name)) - slices.Index(verbs, strings.ToUpper(b.name))
		})
		paths = append(paths, member{p.name, item})
	}
	return paths
}

func (d *document) operation(o transcode.Operation) object {
	id := string(o.Method.FullName())
	if d.ids[id]++; d.ids[id] > 1 {
		id += "." + strconv.Itoa(d.ids[id])
	}
	text := comment(o.Method)
	summary, _, _ := strings.Cut(text, "\n\n")
	if i := strings.Index(summary, ". "); i >= 0 {
		summary = summary[:i+1]
	}
	if summary == text {
		text = ""
	}
	if summary == "" {
		summary = string(o.Method.Name())
	}
	return object{{"operationId", id}, {"tags", []string{string(o.Method.Parent().FullName())}}, {"summary", summary}}.
		with("description", text).
		with("deprecated", isDeprecated(o.Method) || isDeprecated(o.Method.Parent())).
		with("parameters", d.parameters(o)).
		with("requestBody", d.body(o)).
		with("responses", object{
			{"200", d.answer(o)}, {"default", object{{"$ref", "#/components/responses/Error"}}},
		})
}

// anySegments is what a parameter says that may hold slashes. The page looks for it.
const anySegments = "Any number of segments."

func (d *document) parameters(o transcode.Operation) []any {
	var all []any //nolint:prealloc // short, and made once
	for i, p := range o.InPath {
		schema, note := object{{"type", "string"}}, ""
		switch last := i == len(o.InPath)-1; {
		case p.Of != "":
			note = "A part of `" + p.Field.JSONName() + "`, which is `" + p.Of + "`."
		case p.Field != nil:
			schema, note = d.schemas.single(p.Field), comment(p.Field)
		case !last || !o.Open:
			note = "Anything."
		}
		if o.Open && i == len(o.InPath)-1 {
			note = strings.TrimSpace(note + " " + anySegments)
		}
		all = append(all, object{{"name", p.Name}, {"in", "path"}, {"required", true}, {"schema", schema}}.
			with("description", note))
	}
	for _, p := range o.Query {
		all = append(all, object{{"name", p.Name}, {"in", "query"}}.with("description", comment(p.Field)).
			with("deprecated", isDeprecated(p.Field)).
			with("schema", d.schemas.field(p.Field)))
	}
	return all
}

func (d *document) body(o transcode.Operation) object {
	switch {
	case o.Whole:
		return object{{"content", d.content(o.Method.Input(), d.schemas.message(o.Method.Input()))}}
	case o.Body != nil:
		return object{}.with("description", comment(o.Body)).
			with("content", d.content(o.Body.Message(), d.schemas.field(o.Body)))
	}
	return nil
}

// content is that of bodies in JSON, or of any type where that is asked for.
func (d *document) content(m protoreflect.MessageDescriptor, schema object) object {
	if m != nil && m.FullName() == httpBody {
		return object{{"*/*", object{}}}
	}
	return object{{"application/json", object{{"schema", schema}}}}
}

const httpBody = "google.api.HttpBody"

func (d *document) answer(o transcode.Operation) object {
	m := o.Method.Output()
	var schema object
	if o.Answer != nil {
		m, schema = o.Answer.Message(), d.schemas.part(o.Answer)
	} else {
		schema = d.schemas.message(m)
	}
	if !o.Method.IsStreamingServer() || m != nil && m.FullName() == httpBody {
		return object{{"description", "The answer."}, {"content", d.content(m, schema)}}
	}
	line := object{{"oneOf", []any{
		object{{"type", "object"}, {"required", []string{"result"}}, {"properties", object{{"result", schema}}}},
		object{
			{"type", "object"}, {"required", []string{"error"}}, {"properties", object{{"error", d.schemas.status()}}},
		},
	}}}
	return object{
		{"description", "A stream of answers: a line for each, or an event for clients that accept those."},
		{"content", object{
			{"application/x-ndjson", object{{"schema", line}}},
			{"text/event-stream", object{{"schema", object{{"type", "string"}}}}},
		}},
	}
}

// comment is what the proto says above something, or else behind it.
func comment(d protoreflect.Descriptor) string {
	if d == nil || d.ParentFile() == nil {
		return ""
	}
	at := d.ParentFile().SourceLocations().ByDescriptor(d)
	text := strings.TrimSpace(at.LeadingComments)
	if text == "" {
		text = strings.TrimSpace(at.TrailingComments)
	}
	return strings.ReplaceAll(text, "\n ", "\n")
}

// isDeprecated asks the options of what may be.
func isDeprecated(d protoreflect.Descriptor) bool {
	switch o := d.Options().(type) {
	case *descriptorpb.MethodOptions:
		return o.GetDeprecated()
	case *descriptorpb.ServiceOptions:
		return o.GetDeprecated()
	case *descriptorpb.FieldOptions:
		return o.GetDeprecated()
	case *descriptorpb.MessageOptions:
		return o.GetDeprecated()
	case *descriptorpb.EnumOptions:
		return o.GetDeprecated()
	}
	return false
}
