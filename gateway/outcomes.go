package gateway

import (
	"encoding/base64"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kerf-go/kerf/internal/pathtemplate"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call/receipt"
	"github.com/kerf-go/kerf/transcode"
)

// outcomes tells what has become of requests that a durable queue has accepted.
type outcomes struct {
	route    *route
	receipt  pathtemplate.Variable
	prefix   string                       // of the route's path, which the receipt follows
	services map[string]transcode.Service // those that are called, by their full names
}

// newOutcomes makes them ready, for the calls of all routes.
func (c *compiler) newOutcomes(i int, rt *route) http.Handler {
	v := rt.match.named("receipt")
	if v == nil || v.From != len(rt.match.path.Segments)-1 || rt.match.path.Segments[v.From] != pathtemplate.One ||
		strings.Count(rt.match.prefix, "/") != v.From {
		c.mistake("the path of outcomes ends with the variable receipt, and has no other",
			"write a path such as /v1/outcomes/{receipt}", "routes", i, "match", "path")
		return nil
	}
	if c.told != nil {
		c.mistake("there are two routes with outcomes", "remove one", "routes", i, "outcomes")
		return nil
	}
	c.told = &outcomes{route: rt, receipt: *v, prefix: rt.match.prefix, services: make(map[string]transcode.Service)}
	c.after = append(c.after, func() {
		for _, d := range c.described {
			for _, s := range d.services {
				c.told.services[string(s.Desc.FullName())] = s
			}
		}
	})
	return c.told
}

// location is where the outcome of a request is told; empty: nowhere.
func (c *compiler) location(method, text string) string {
	return c.told.prefix + "/" + base64.RawURLEncoding.EncodeToString([]byte(method+" "+text))
}

func (o *outcomes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	p, err := o.ask(r)
	if err != nil {
		transcode.WriteError(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	body := `{"state":"` + string(p.State) + `"`
	switch p.State {
	case receipt.Pending:
		h.Set("Retry-After", "1")
	case receipt.Dead:
		body += `,"error":` + string(transcode.StatusJSON(p.Error.Err()))
	case receipt.Done:
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body + "}")) // the client is gone if this fails
	}
}

var errNoOutcome = status.Error(codes.NotFound, "nothing is known of such a request")

func (o *outcomes) ask(r *http.Request) (receipt.Progress, error) {
	path := visitOf(r.Context()).path.canonical
	raw, err := base64.RawURLEncoding.DecodeString(o.route.match.path.Raw(o.receipt, path))
	method, text, found := strings.Cut(string(raw), " ")
	service, name, whole := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	s, known := o.services[service]
	if err != nil || !found || !whole || !known {
		return receipt.Progress{}, errNoOutcome
	}
	m := s.Desc.Methods().ByName(protoreflect.Name(name))
	if m == nil {
		return receipt.Progress{}, errNoOutcome
	}
	var header metadata.MD
	err = s.Conn.Invoke(r.Context(), method, typeOf(m.Input()).New().Interface(), typeOf(m.Output()).New().Interface(),
		link.WithWait(link.Accepted), receipt.Ask(text), grpc.Header(&header))
	switch status.Code(err) { //nolint:exhaustive // the others tell nothing of the request
	case codes.OK:
		return receipt.Read(header)
	case codes.NotFound, codes.InvalidArgument, codes.Unimplemented: // of another plan, or made up
		return receipt.Progress{}, errNoOutcome
	}
	return receipt.Progress{}, err
}
