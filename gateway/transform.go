package gateway

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/gateway/transform"
	"github.com/kerf-go/kerf/transcode"
)

// transformation changes requests and answers. What is nil stays as it is.
type transformation struct {
	headers, query          *valueChange
	answerHeaders           *valueChange
	requestBody, answerBody *transform.Body
	most                    int // bytes of a body
}

// transform makes the changes of a route ready.
func (c *compiler) transform(i int, config *transformConfig, rt *route) layer {
	if config == nil {
		return nil
	}
	way := func(more ...any) []any { return append([]any{"routes", i, "transform"}, more...) }
	same := func(name string) string { return name }
	t := &transformation{
		headers:       c.headerValues(config.Request.Headers, rt, way("request", "headers")...),
		query:         c.valueChange(config.Request.Query, rt, same, way("request", "query")...),
		answerHeaders: c.headerValues(config.Response.Headers, rt, way("response", "headers")...),
		requestBody:   c.bodyChange(config.Request.Body, way("request", "body")...),
		answerBody:    c.bodyChange(config.Response.Body, way("response", "body")...),
		most:          cmp.Or(config.Body, defaultHeld),
	}
	if t.headers == nil && t.query == nil && t.answerHeaders == nil &&
		config.Request.Body == nil && config.Response.Body == nil {
		c.mistake("transform says nothing that changes", "write request or response, or leave it out", way()...)
	}
	if c.config.Routes[i].Cache != nil && t.answerHeaders.names("client") {
		c.mistake("an answer that is kept for others cannot name a client", "leave {client} out, or cache",
			way("response", "headers", "add")...)
	}
	return t.layer
}

func (c *compiler) bodyChange(config *transform.Config, way ...any) *transform.Body {
	if config == nil {
		return nil
	}
	b, err := transform.NewBody(*config)
	if err != nil {
		c.mistake(err.Error(), "", way...)
		return nil
	}
	return b
}

func (t *transformation) layer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, err := t.change(r)
		if err != nil {
			transcode.WriteError(w, r, err)
			return
		}
		if t.answerHeaders != nil || t.answerBody != nil {
			w = &headerWriter{ResponseWriter: w, change: func(code int, h http.Header) { t.changeHeader(r, code, h) }}
		}
		if t.answerBody == nil {
			next.ServeHTTP(w, r)
			return
		}
		hold(w, wholeOnly(r), next, t.most, func(code int, h http.Header) bool {
			return isWhole(r, code) && isLikeJSON(h)
		}, t.changeAnswer)
	})
}

// change gives the changed request, or as it was with what is wrong.
func (t *transformation) change(r *http.Request) (*http.Request, error) {
	v := visitOf(r.Context())
	out := r.WithContext(r.Context())
	if t.headers != nil || t.requestBody != nil {
		out.Header = r.Header.Clone()
	}
	if t.query != nil {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return r, status.Error(codes.InvalidArgument, "the query is none: "+err.Error())
		}
		t.query.apply(query, func(x template) string { return x.fill(v, decoded) })
		u := *r.URL
		u.RawQuery = query.Encode()
		out.URL = &u
	}
	if t.requestBody != nil {
		var err error
		if out, err = t.changeBody(out); err != nil {
			return r, err
		}
	}
	if t.headers != nil {
		t.headers.apply(out.Header, func(x template) string { return x.fill(v, encoded) })
	}
	return out, nil
}

func (t *transformation) changeBody(r *http.Request) (*http.Request, error) {
	if r.ContentLength == 0 {
		return r, nil
	}
	if !isJSON(r.Header) { // what is to be removed must not pass as something else
		return nil, notTaken(r.Header, "application/json")
	}
	body, again, err := readBody(r, t.most)
	if err != nil || len(body) == 0 {
		return again, err
	}
	changed, err := t.requestBody.Apply(body)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "the body is not the JSON that is taken here: %v", err)
	}
	withoutDigests(r.Header)
	r.Header.Set("Content-Length", strconv.Itoa(len(changed)))
	return withBody(r, changed), nil
}

func (t *transformation) changeAnswer(h *holder) error {
	if !isJSON(h.Header()) {
		return errors.New("the answer is no uncompressed application/json in UTF-8, and cannot be changed")
	}
	changed, err := t.answerBody.Apply(h.body.Bytes())
	if err != nil {
		return err
	}
	h.Header().Set("Content-Length", strconv.Itoa(len(changed)))
	return h.write(changed)
}

// changeHeader changes the headers of an answer as it leaves. Those that tell of a body
// become true again, also for HEAD and 304, where there is none.
func (t *transformation) changeHeader(r *http.Request, code int, h http.Header) {
	isJSONAnswer := code >= 200 && code < 300 && isJSON(h)
	if t.answerBody != nil && (isJSONAnswer || code == http.StatusNotModified) {
		withoutDigests(h)
		h.Del("Accept-Ranges")
		if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
			h.Set("ETag", "W/"+tag) // the body means the same, and is another
		}
		if r.Method == http.MethodHead {
			h.Del("Content-Length")
		}
	}
	if t.answerHeaders != nil && code >= 200 && code < 300 {
		v := visitOf(r.Context())
		t.answerHeaders.apply(h, func(x template) string { return x.fill(v, encoded) })
	}
}

// withoutDigests takes away what is true of one body only.
func withoutDigests(h http.Header) {
	for _, name := range []string{"Content-Digest", "Repr-Digest", "Digest", "Content-Md5"} {
		h.Del(name)
	}
}
