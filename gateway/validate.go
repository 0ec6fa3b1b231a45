package gateway

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kerf-go/kerf/gateway/validate"
	"github.com/kerf-go/kerf/transcode"
)

// validation refuses bodies that are not as they should be.
type validation struct {
	request, response *validate.Schema // nil: anything is fine
	types             []string         // of requests, beside JSON
	most              int              // bytes of a body
}

// validate makes the schemas of a route ready. Rules are rules's matter.
func (c *compiler) validate(i int, config *validateConfig) layer {
	if config == nil {
		return nil
	}
	if config.Rules && c.config.Routes[i].Call == nil {
		c.mistake("rules are those of a call's messages", "use request, with a schema, for other actions",
			"routes", i, "validate", "rules")
	}
	if !config.Rules && config.Request == nil && config.Response == nil {
		c.mistake("validate says nothing that has to hold", "write request, response or rules, or leave it out",
			"routes", i, "validate")
	}
	v := &validation{
		request:  c.schema(config.Request, "routes", i, "validate", "request"),
		response: c.schema(config.Response, "routes", i, "validate", "response"),
		most:     cmp.Or(config.Body, defaultHeld),
	}
	if config.Request != nil {
		v.types = config.Request.Types
	}
	if v.request == nil && v.response == nil {
		return nil
	}
	return v.layer
}

func (c *compiler) schema(config *schemaConfig, way ...any) *validate.Schema {
	if config == nil {
		return nil
	}
	if config.Schema == "" {
		c.mistake("there is no schema", "name a file of JSON Schema in schema", way...)
		return nil
	}
	made, err := validate.ReadSchema(string(config.Schema))
	if err != nil {
		c.mistake(err.Error(), "relative paths start at the configuration's folder", append(way, "schema")...)
		return nil
	}
	return made
}

// rules puts those of the protos around the conns of a route's services, if it asks for them.
func (c *compiler) rules(i int, services []transcode.Service) []transcode.Service {
	config := c.config.Routes[i].Validate
	if config == nil || !config.Rules {
		return services
	}
	var messages []protoreflect.MessageDescriptor
	for _, s := range services {
		for m := range s.Desc.Methods().Len() {
			messages = append(messages, s.Desc.Methods().Get(m).Input())
		}
	}
	rules, err := validate.NewRules(messages...)
	if err != nil {
		c.mistake(err.Error(), "correct it in the proto", "routes", i, "validate", "rules")
		return services
	}
	services = slices.Clone(services)
	for k := range services {
		services[k].Conn = rules.Conn(services[k].Conn)
	}
	return services
}

func (v *validation) layer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, err := v.checkRequest(r)
		if err != nil {
			transcode.WriteError(w, r, err)
			return
		}
		if v.response == nil {
			next.ServeHTTP(w, r)
			return
		}
		hold(w, wholeOnly(r), next, v.most, func(code int, h http.Header) bool {
			return isWhole(r, code) && !isEvents(h)
		}, v.checkAnswer)
	})
}

// isWhole tells of answers that say that all went well, with a body.
func isWhole(r *http.Request, code int) bool {
	return code >= 200 && code < 300 && code != http.StatusNoContent && r.Method != http.MethodHead
}

// isEvents tells of answers without an end.
func isEvents(h http.Header) bool {
	kind, _ := mediaType(h)
	return kind == "text/event-stream" || kind == "application/x-ndjson"
}

// checkRequest gives the request with its body, or as it was with what is wrong.
func (v *validation) checkRequest(r *http.Request) (*http.Request, error) {
	switch {
	case v.request == nil:
		return r, nil
	case r.ContentLength == 0:
		return r, v.checkEmpty(r)
	case v.isOther(r.Header):
		return r, nil
	case !isJSON(r.Header):
		return r, notTaken(r.Header, strings.Join(append([]string{"application/json"}, v.types...), " or "))
	}
	body, again, err := readBody(r, v.most)
	switch {
	case err != nil:
		return r, err
	case len(body) == 0:
		return again, v.checkEmpty(r)
	}
	return again, v.request.Check(body)
}

// checkEmpty refuses a request without a body, if its method tells of one.
func (v *validation) checkEmpty(r *http.Request) error {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return status.Error(codes.InvalidArgument, "the body is missing")
	}
	return nil
}

func (v *validation) isOther(h http.Header) bool {
	kind, _ := mediaType(h)
	return slices.Contains(v.types, kind)
}

func (v *validation) checkAnswer(h *holder) error {
	if !isJSON(h.Header()) {
		return errors.New("the answer is not JSON")
	}
	if err := v.response.Check(h.body.Bytes()); err != nil {
		return err
	}
	return h.write(h.body.Bytes())
}
