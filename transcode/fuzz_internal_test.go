package transcode

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/kerf-go/kerf/internal/library/v1"
	"github.com/kerf-go/kerf/internal/pathtemplate"
)

func libraryDesc() protoreflect.ServiceDescriptor {
	return pb.File_internal_library_v1_library_proto.Services().ByName("Library")
}

// What is taken for a template finds the very path that it spells, and its variables
// get what stands in their places.
func FuzzTemplate(f *testing.F) {
	for s := range strings.FieldsSeq("/v1/{name=shelves/*/books/*}:lend /** /a/{b.c=**} /{a}/{b=*} /a:b /é/%41") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := pathtemplate.Parse(s)
		if err != nil {
			return
		}
		words := strings.NewReplacer(pathtemplate.Several, "x", pathtemplate.One, "x")
		path := "/" + words.Replace(strings.Join(p.Segments, "/"))
		for _, v := range p.Variables {
			got, err := p.Value(v, path)
			if err != nil && !strings.Contains(path, "%") {
				t.Error(err)
			}
			if strings.Contains(path, "%") {
				continue // it is decoded
			}
			if want := strings.Join(strings.Split(path, "/")[1+v.From:1+v.To], "/"); got != want {
				t.Errorf("%s is %q in %s, not %q", v.Name, got, path, want)
			}
		}
		if strings.Contains(path, "%") {
			return // a literal that looks encoded is never met
		}
		var tree tree
		b := &binding{template: p, verb: "GET", path: s, method: &method{full: "m"}}
		if err := tree.add(b); err != nil {
			t.Fatal(err)
		}
		asked := path
		if p.Verb != "" {
			asked += ":" + p.Verb
		}
		if found, bare, _ := tree.find(asked, "GET"); found != b || bare != path {
			t.Errorf("%s is not found at %s: bare it is %q", s, asked, bare)
		}
	})
}

// Whatever a client asks for, it is bound or refused.
func FuzzRequest(f *testing.F) {
	h, err := New([]Service{{Desc: libraryDesc()}}, Options{Rules: []*annotations.HttpRule{{
		Selector: "library.v1.Library.Plain", Pattern: &annotations.HttpRule_Get{Get: "/{name=a/**}:b"},
	}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("GET", "/v1/echo/a/b/1/true", "text=x&nested.nested.at=2026-01-02T03:04:05Z", "")
	f.Add("POST", "/v1/shelves/%2f/books", "requestId=%ff", `{"title":"x"}`)
	f.Add("POST", "/v1/numbers/a", "", `{"a":1}`)
	f.Add("GET", "/a/b:c:b", "", "")
	f.Add("GET", "*", "", "")
	f.Fuzz(func(t *testing.T, verb, path, query, body string) {
		u := &url.URL{Path: path, RawPath: path, RawQuery: query}
		if plain, err := url.PathUnescape(path); err == nil {
			u.Path = plain
		}
		r := &http.Request{Method: verb, URL: u, Body: http.NoBody, ContentLength: int64(len(body))}
		if body != "" {
			r.Body = &stringBody{Reader: strings.NewReader(body)}
		}
		b, bare, err := h.find(r)
		if err != nil {
			return
		}
		m, err := h.request(b, r, bare)
		if (m == nil) == (err == nil) {
			t.Errorf("%v and %v", m, err)
		}
		if err == nil { // what cannot be sent on is the client's mistake, and not the service's
			if _, err := proto.Marshal(m); err != nil {
				t.Errorf("%s %s?%s, %q is bound to what no message is: %v", verb, path, query, body, err)
			}
			return
		}
		mistakes := []codes.Code{codes.InvalidArgument, codes.OutOfRange, codes.Unimplemented, codes.ResourceExhausted}
		if !slices.Contains(mistakes, status.Code(err)) {
			t.Errorf("%s %s?%s, %q: %v", verb, path, query, body, err)
		}
	})
}

type stringBody struct{ *strings.Reader }

func (*stringBody) Close() error { return nil }
