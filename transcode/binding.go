package transcode

import (
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kerf-go/kerf/internal/pathtemplate"
)

// method is what a binding calls.
type method struct {
	desc    protoreflect.MethodDescriptor
	full    string // "/package.Service/Method"
	conn    grpc.ClientConnInterface
	in, out protoreflect.MessageType
}

// binding is one way to call a method: an HTTP method with a path, and where the parts
// of a request go.
type binding struct {
	method   *method
	verb     string // GET, say
	path     string // as its author has written it
	template *pathtemplate.Template
	inPath   []fieldPath // of each of the template's variables
	whole    bool        // the body is the message, and there is no query
	body     protoreflect.FieldDescriptor
	answer   protoreflect.FieldDescriptor // what of the reply is the answer; nil: all
}

// bindings are those of a rule and its additional ones.
func (m *method) bindings(rule *annotations.HttpRule) ([]*binding, error) {
	rules := append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...)
	all := make([]*binding, len(rules))
	for i, r := range rules {
		if i > 0 && len(r.GetAdditionalBindings()) > 0 {
			return nil, errors.New("additional_bindings cannot have additional_bindings of their own")
		}
		b, err := m.binding(r)
		if err != nil {
			return nil, err
		}
		all[i] = b
	}
	return all, nil
}

func (m *method) binding(rule *annotations.HttpRule) (*binding, error) {
	b := &binding{method: m}
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		b.verb, b.path = http.MethodGet, p.Get
	case *annotations.HttpRule_Put:
		b.verb, b.path = http.MethodPut, p.Put
	case *annotations.HttpRule_Post:
		b.verb, b.path = http.MethodPost, p.Post
	case *annotations.HttpRule_Delete:
		b.verb, b.path = http.MethodDelete, p.Delete
	case *annotations.HttpRule_Patch:
		b.verb, b.path = http.MethodPatch, p.Patch
	case *annotations.HttpRule_Custom:
		b.verb, b.path = p.Custom.GetKind(), p.Custom.GetPath()
		if b.verb == "" {
			return nil, errors.New("a custom pattern needs its kind, an HTTP method")
		}
	default:
		return nil, errors.New("the rule has no pattern: get, put, post, delete, patch or custom")
	}
	var err error
	if b.template, err = pathtemplate.Parse(b.path); err != nil {
		return nil, err
	}
	if err := b.bindBody(rule); err != nil {
		return nil, err
	}
	return b, b.bindPath()
}

func (b *binding) bindBody(rule *annotations.HttpRule) error {
	switch name := rule.GetBody(); name {
	case "":
	case "*":
		b.whole = true
	default:
		if b.body = topField(b.method.in, name); b.body == nil {
			return fmt.Errorf("body: %s has no field %q", b.method.in.Descriptor().FullName(), name)
		}
	}
	if name := rule.GetResponseBody(); name != "" {
		if b.answer = topField(b.method.out, name); b.answer == nil {
			return fmt.Errorf("response_body: %s has no field %q", b.method.out.Descriptor().FullName(), name)
		}
	}
	return nil
}

func topField(m protoreflect.MessageType, name string) protoreflect.FieldDescriptor {
	return m.Descriptor().Fields().ByName(protoreflect.Name(name))
}

func (b *binding) bindPath() error {
	for _, v := range b.template.Variables {
		p, err := resolve(b.method.in.Descriptor(), v.Name)
		if err != nil {
			return err
		}
		if p.last().IsList() || !isBindable(p.last()) {
			return fmt.Errorf("%s cannot stand in a path: it is not a single value", v.Name)
		}
		for _, other := range b.inPath {
			if other.begins(p) || p.begins(other) {
				return fmt.Errorf("%s is bound twice by %s", v.Name, b.path)
			}
		}
		b.inPath = append(b.inPath, p)
	}
	return nil
}

// setPath binds what the path holds. bare is it without the verb.
func (b *binding) setPath(m protoreflect.Message, bare string) error {
	for i, v := range b.template.Variables {
		text, err := b.template.Value(v, bare)
		if err != nil {
			return invalid("%s in the path: %v", v.Name, err)
		}
		if err := b.inPath[i].set(m, text); err != nil {
			return invalid("%s in the path: %v", v.Name, err)
		}
	}
	return nil
}
