package transcode

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/kerf-go/kerf/link/call/receipt"
)

// DefaultMaxBody is how many bytes a request's body may have: as many as a message of
// gRPC's by default.
const DefaultMaxBody = 4 << 20

// Service is a gRPC service, and the conn that reaches it.
type Service struct {
	Desc protoreflect.ServiceDescriptor
	Conn grpc.ClientConnInterface
}

// Options are fine as they are when empty.
type Options struct {
	// Rules are used instead of the annotations of the methods that their selectors
	// name ("package.Service.Method"): for protos that have none.
	Rules []*annotations.HttpRule

	// Types are those of messages, also of those in an Any. nil: protoregistry.GlobalTypes.
	// Of a message that is not among them a dynamic one is made.
	Types *protoregistry.Types

	// Accepted is where a client may ask what has become of a request that a durable queue has
	// accepted: the answer is then 202 with that Location. nil: it is that of the method.
	Accepted func(method, receipt string) (location string)

	// MaxBody is the largest body taken, in bytes. 0: DefaultMaxBody.
	MaxBody int64
}

// Handler answers HTTP requests by calling the methods of services. It is safe for
// concurrent use.
type Handler struct {
	tree    tree
	all     []*binding
	types   *protoregistry.Types
	json    protojson.MarshalOptions
	maxBody int64

	accepted func(method, receipt string) string // nil: as all others
}

var _ http.Handler = (*Handler)(nil)

// New makes the Handler of services. It fails, with all reasons, if a rule is wrong,
// or two claim the same requests.
func New(services []Service, o Options) (*Handler, error) {
	h := &Handler{types: o.Types, maxBody: o.MaxBody, accepted: o.Accepted}
	if h.types == nil {
		h.types = protoregistry.GlobalTypes
	}
	if h.maxBody == 0 {
		h.maxBody = DefaultMaxBody
	}
	h.json.Resolver = h.types
	rules := make(map[string]*annotations.HttpRule, len(o.Rules))
	for _, rule := range o.Rules {
		rules[rule.GetSelector()] = rule
	}
	var mistakes []error
	for _, s := range services {
		for i := range s.Desc.Methods().Len() {
			m := h.newMethod(s, s.Desc.Methods().Get(i))
			rule := rules[string(m.desc.FullName())]
			delete(rules, string(m.desc.FullName()))
			if err := h.add(m, rule); err != nil {
				mistakes = append(mistakes, fmt.Errorf("%s: %w", m.desc.FullName(), err))
			}
		}
	}
	for selector := range rules {
		mistakes = append(mistakes, fmt.Errorf("a rule selects %q, which no service has", selector))
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	return h, nil
}

func (h *Handler) newMethod(s Service, desc protoreflect.MethodDescriptor) *method {
	return &method{
		desc: desc, conn: s.Conn, full: fmt.Sprintf("/%s/%s", s.Desc.FullName(), desc.Name()),
		in: h.messageType(desc.Input()), out: h.messageType(desc.Output()),
	}
}

func (h *Handler) messageType(desc protoreflect.MessageDescriptor) protoreflect.MessageType {
	if t, err := h.types.FindMessageByName(desc.FullName()); err == nil && t.Descriptor() == desc {
		return t
	}
	return dynamicpb.NewMessageType(desc)
}

// add gives a method its bindings: of the rule, or else of the annotation; and the one
// that every method has, unless a rule claims its path.
func (h *Handler) add(m *method, rule *annotations.HttpRule) error {
	if rule == nil {
		rule, _ = proto.GetExtension(m.desc.Options(), annotations.E_Http).(*annotations.HttpRule)
	}
	if rule != nil {
		bindings, err := m.bindings(rule)
		if err != nil {
			return err
		}
		if m.desc.IsStreamingClient() {
			return refuseStream(m)
		}
		for _, b := range bindings {
			if err := h.tree.add(b); err != nil {
				return err
			}
			h.all = append(h.all, b)
		}
	}
	plain, err := m.binding(&annotations.HttpRule{
		Pattern: &annotations.HttpRule_Post{Post: m.full}, Body: "*",
	})
	if err != nil {
		return err
	}
	if rule == nil {
		h.all = append(h.all, plain)
	}
	return h.tree.add(plain)
}

// ServeHTTP answers a request, or tells that no method has its path (404), or none
// with its HTTP method (405).
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, bare, err := h.find(r)
	if err != nil {
		WriteError(w, r, err)
		return
	}
	request, err := h.request(b, r, bare)
	if err != nil {
		WriteError(w, r, err)
		return
	}
	r = r.WithContext(metadata.NewOutgoingContext(r.Context(), readMetadata(r.Header)))
	if b.method.desc.IsStreamingServer() {
		h.stream(w, r, b, request)
		return
	}
	h.unary(w, r, b, request)
}

// Matches tells whether a method would answer a request.
func (h *Handler) Matches(r *http.Request) bool {
	_, _, err := h.find(r)
	return err == nil
}

// Operation is the one that would answer a request; ok is false if none would.
func (h *Handler) Operation(r *http.Request) (o Operation, ok bool) {
	b, _, err := h.find(r)
	if err != nil {
		return Operation{}, false
	}
	return b.operation(), true
}

// find takes HEAD for GET, as HTTP does.
func (h *Handler) find(r *http.Request) (b *binding, bare string, err error) {
	path := r.URL.EscapedPath()
	b, bare, allowed := h.tree.find(path, r.Method)
	if b == nil && r.Method == http.MethodHead {
		b, bare, _ = h.tree.find(path, http.MethodGet)
	}
	switch {
	case b != nil && b.method.desc.IsStreamingClient():
		return nil, "", refuseStream(b.method)
	case b != nil:
		return b, bare, nil
	case len(allowed) > 0:
		return nil, "", &refusal{
			Status: status.Newf(codes.Unimplemented, "%s takes %s", path, strings.Join(allowed, ", ")),
			http:   http.StatusMethodNotAllowed,
			header: http.Header{"Allow": {strings.Join(allowed, ", ")}},
		}
	}
	return nil, "", &refusal{
		Status: status.Newf(codes.NotFound, "nothing is at %s", path), http: http.StatusNotFound,
	}
}

func (h *Handler) unary(w http.ResponseWriter, r *http.Request, b *binding, request proto.Message) {
	reply := b.method.out.New()
	var header, trailer metadata.MD
	err := b.method.conn.Invoke(r.Context(), b.method.full, request, reply.Interface(),
		grpc.Header(&header), grpc.Trailer(&trailer))
	writeMetadata(w.Header(), header)
	if err != nil {
		writeFailure(w, r, err, trailer)
		return
	}
	if text := receipt.Of(header); text != "" && h.accepted != nil {
		w.Header().Set("Location", h.accepted(b.method.full, text))
		accepted.write(w, r)
		return
	}
	a, err := h.answer(b, reply)
	if err != nil {
		WriteError(w, r, status.Errorf(codes.Internal, "the answer cannot be JSON: %s", plainly(err)))
		return
	}
	a.write(w, r)
}

// accepted is the answer of a request that will run.
var accepted = answer{jsonType, []byte(`{"state":"PENDING"}`), http.StatusAccepted}
