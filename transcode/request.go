package transcode

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// request makes the message of a request: of its body first, since JSON begins anew,
// then of its query and its path, which has the last word.
func (h *Handler) request(b *binding, r *http.Request, bare string) (proto.Message, error) {
	m := b.method.in.New()
	if err := h.setBody(b, m, r); err != nil {
		return nil, err
	}
	if r.URL.RawQuery != "" {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, invalid("query: %v", err)
		}
		if err := b.setQuery(m, query); err != nil {
			return nil, err
		}
	}
	if err := b.setPath(m, bare); err != nil {
		return nil, err
	}
	return m.Interface(), nil
}

func (h *Handler) setBody(b *binding, m protoreflect.Message, r *http.Request) error {
	if !b.whole && b.body == nil {
		return noBody(b, r)
	}
	body, err := h.read(r)
	if err != nil {
		return err
	}
	if target := b.rawBody(m); target != nil {
		fields := target.Descriptor().Fields()
		target.Set(fields.ByName("content_type"), protoreflect.ValueOfString(r.Header.Get("Content-Type")))
		target.Set(fields.ByName("data"), protoreflect.ValueOfBytes(body))
		return nil
	}
	if len(body) == 0 {
		return nil
	}
	if err := isJSON(r); err != nil {
		return err
	}
	options := protojson.UnmarshalOptions{Resolver: h.types}
	switch {
	case b.whole:
		err = options.Unmarshal(body, m.Interface())
	case b.body.Message() != nil && !b.body.IsList() && !b.body.IsMap():
		err = options.Unmarshal(body, m.Mutable(b.body).Message().Interface())
	case !json.Valid(body): // it must not end the object that is put around it
		err = errors.New("it is not JSON")
	default:
		err = options.Unmarshal(append(append([]byte(`{"`+b.body.JSONName()+`":`), body...), '}'), m.Interface())
	}
	if err != nil {
		return invalid("body: %s", plainly(err))
	}
	return nil
}

// rawBody is the google.api.HttpBody that takes a request's body as it is; nil if
// none does.
func (b *binding) rawBody(m protoreflect.Message) protoreflect.Message {
	switch {
	case b.whole && isHTTPBody(m.Descriptor()):
		return m
	case b.body != nil && !b.body.IsList() && isHTTPBody(b.body.Message()):
		return m.Mutable(b.body).Message()
	}
	return nil
}

func isHTTPBody(m protoreflect.MessageDescriptor) bool {
	return m != nil && m.FullName() == "google.api.HttpBody"
}

// plainly takes off what protojson begins its errors with.
func plainly(err error) string {
	return strings.TrimLeft(strings.TrimPrefix(err.Error(), "proto:"), " \u00a0")
}

// read takes the body, unless that is too large.
func (h *Handler) read(r *http.Request) ([]byte, error) {
	tooLarge := &refusal{
		Status: status.Newf(codes.ResourceExhausted, "the body is larger than %d bytes", h.maxBody),
		http:   http.StatusRequestEntityTooLarge,
	}
	if r.ContentLength > h.maxBody {
		return nil, tooLarge
	}
	var body []byte
	var err error
	if r.ContentLength > 0 {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, body)
	} else {
		body, err = io.ReadAll(io.LimitReader(r.Body, h.maxBody+1))
	}
	own := new(refusal)
	switch {
	case errors.As(err, &own): // of who bounds bodies before us
		return nil, own
	case err != nil:
		return nil, status.Errorf(codes.Canceled, "read the body: %v", err)
	case int64(len(body)) > h.maxBody:
		return nil, tooLarge
	}
	return body, nil
}

// noBody refuses what nobody would read.
func noBody(b *binding, r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	if r.ContentLength < 0 {
		if n, _ := io.ReadFull(r.Body, make([]byte, 1)); n == 0 {
			return nil
		}
	}
	return invalid("%s %s takes no body", b.verb, b.path)
}

// isJSON refuses bodies that say to be something else.
func isJSON(r *http.Request) error {
	kind := r.Header.Get("Content-Type")
	if kind == "" {
		return nil
	}
	t, params, err := mime.ParseMediaType(kind)
	if err == nil && (t == "application/json" || strings.HasSuffix(t, "+json")) &&
		(params["charset"] == "" || strings.EqualFold(params["charset"], "utf-8")) {
		return nil
	}
	return &refusal{
		Status: status.Newf(codes.InvalidArgument, "Content-Type is %q: send application/json in UTF-8", kind),
		http:   http.StatusUnsupportedMediaType,
		header: http.Header{"Accept": {"application/json"}},
	}
}
