package transcode

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kerf-go/kerf/internal/pathtemplate"
)

// Operation is one way to call a method by plain HTTP, for those that describe it.
type Operation struct {
	Method protoreflect.MethodDescriptor
	Verb   string // GET, say
	// Path has a name in braces for each part that varies, which is never more than a
	// segment, but for the last one's if that is Open.
	Path   string
	Open   bool
	InPath []Parameter // in the order of Path
	Query  []Parameter

	Whole  bool                         // the body is the request's message
	Body   protoreflect.FieldDescriptor // or this field of it; nil: there is none
	Answer protoreflect.FieldDescriptor // what of the reply is the answer; nil: all
}

// Parameter is a name by which a request fills a field, or a part of it. Field is nil for
// what is not looked at.
type Parameter struct {
	Name  string
	Field protoreflect.FieldDescriptor
	Of    string // the pattern of which this is one star; empty: it is all of the field
}

// Operations are all that a Handler has, but that every method with an annotation is
// called without it, too. Methods that take a stream have none.
func (h *Handler) Operations() []Operation {
	var all []Operation
	for _, b := range h.all {
		if !b.method.desc.IsStreamingClient() {
			all = append(all, b.operation())
		}
	}
	return all
}

func (b *binding) operation() Operation {
	o := Operation{
		Method: b.method.desc, Verb: b.verb, Whole: b.whole, Body: b.body, Answer: b.answer, Open: b.template.Rest(),
	}
	taken := make(map[string]bool)
	for i, segment := range b.template.Segments {
		o.Path += "/"
		if segment != pathtemplate.One && segment != pathtemplate.Several {
			o.Path += segment
			continue
		}
		p := b.parameterAt(i)
		for base, n := p.Name, 2; taken[p.Name]; n++ {
			p.Name = base + strconv.Itoa(n)
		}
		taken[p.Name] = true
		o.Path += "{" + p.Name + "}"
		o.InPath = append(o.InPath, p)
	}
	if b.template.Verb != "" {
		o.Path += ":" + b.template.Verb
	}
	if !b.whole {
		o.Query = b.queryBelow("", b.method.in.Descriptor(), nil)
	}
	return o
}

// parameterAt names a star for its variable, or, where that has several, for the literal before it.
func (b *binding) parameterAt(i int) Parameter {
	for k, v := range b.template.Variables {
		if i < v.From || i >= v.To {
			continue
		}
		p := Parameter{Name: b.inPath[k].String(), Field: b.inPath[k].last()}
		if v.To-v.From > 1 {
			p.Of = strings.Join(b.template.Segments[v.From:v.To], "/")
			if i > 0 && !strings.HasPrefix(b.template.Segments[i-1], "*") {
				p.Name = b.template.Segments[i-1]
			}
		}
		return p
	}
	return Parameter{Name: "any"}
}

// queryBelow lists the parameters of a message's fields, and of the messages that these hold, unless
// they hold themselves.
func (b *binding) queryBelow(
	prefix string, m protoreflect.MessageDescriptor, over []protoreflect.FullName,
) []Parameter {
	var all []Parameter
	over = append(slices.Clip(over), m.FullName())
	fields := m.Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		name := prefix + f.JSONName()
		if isBindable(f) {
			if _, err := b.inQuery(name); err == nil {
				all = append(all, Parameter{Name: name, Field: f})
			}
		} else if f.Message() != nil && !f.IsList() && !f.IsMap() && !slices.Contains(over, f.Message().FullName()) &&
			f.Message().ParentFile().Package() != "google.protobuf" && (prefix != "" || f != b.body) {
			all = append(all, b.queryBelow(name+".", f.Message(), over)...)
		}
	}
	return all
}
