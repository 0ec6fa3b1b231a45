package transcode

import (
	"bytes"
	"cmp"
	"net/http"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// answer is what a client is given: the reply, or the part of it that the rule names.
type answer struct {
	kind string // media type
	body []byte
	code int // of HTTP; 0: OK
}

func (h *Handler) answer(b *binding, reply protoreflect.Message) (answer, error) {
	m, unset := reply, false
	if b.answer != nil && b.answer.Message() != nil && !b.answer.IsList() && !b.answer.IsMap() {
		m, unset = reply.Get(b.answer).Message(), !reply.Has(b.answer)
	}
	switch {
	case isHTTPBody(m.Descriptor()):
		return rawAnswer(m), nil
	case unset: // a time that is none is not that of 1970
		return answer{kind: jsonType, body: []byte("null")}, nil
	case b.answer == nil || m != reply:
		body, err := h.json.Marshal(m.Interface())
		return answer{kind: jsonType, body: body}, err
	}
	body, err := h.part(reply, b.answer)
	return answer{kind: jsonType, body: body}, err
}

const jsonType = "application/json"

func rawAnswer(m protoreflect.Message) answer {
	fields := m.Descriptor().Fields()
	kind := m.Get(fields.ByName("content_type")).String()
	if kind == "" {
		kind = "application/octet-stream"
	}
	return answer{kind: kind, body: m.Get(fields.ByName("data")).Bytes()}
}

// part is one field in JSON: protojson knows messages only, so that it is given one
// with nothing but this field, and the name is taken off.
func (h *Handler) part(m protoreflect.Message, f protoreflect.FieldDescriptor) ([]byte, error) {
	if !m.Has(f) {
		return zero(f), nil
	}
	only := m.New()
	only.Set(f, m.Get(f))
	body, err := h.json.Marshal(only.Interface())
	if err != nil {
		return nil, err
	}
	start := len(`{"":`) + len(f.JSONName())
	return bytes.TrimSpace(body[start : len(body)-1]), nil
}

// zero is what a field that is not set is in JSON, where its name cannot be left out.
func zero(f protoreflect.FieldDescriptor) []byte {
	switch {
	case f.IsList():
		return []byte("[]")
	case f.IsMap():
		return []byte("{}")
	}
	switch f.Kind() { //nolint:exhaustive // the others are numbers
	case protoreflect.StringKind, protoreflect.BytesKind:
		return []byte(`""`)
	case protoreflect.BoolKind:
		return []byte("false")
	case protoreflect.EnumKind:
		if f.Enum().FullName() == "google.protobuf.NullValue" {
			return []byte("null")
		}
		if v := f.Enum().Values().ByNumber(f.Default().Enum()); v != nil {
			return []byte(strconv.Quote(string(v.Name())))
		}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Uint64Kind,
		protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return []byte(`"0"`)
	}
	return []byte("0")
}

func (a answer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(cmp.Or(a.code, http.StatusOK))
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // the client is gone if this fails
	}
}
