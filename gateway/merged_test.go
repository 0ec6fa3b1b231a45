package gateway_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

const withMerges = `
upstreams: {one: {urls: ["{one}"]}}
routes:
  - match: {path: /openapi.json}
    openapi: {title: Books}
  - match: {path: /exercise.json}
    openapi: {title: Exercise, services: [exercise]}
  - match: {path: /library.json}
    openapi: {title: Library, services: [library]}
  - name: page
    match: {path: "/v1/pages/{name}"}
    merge:
      parts:
        book: {call: library, get: "/v1/books/{name}"}
        title: {call: library, get: "/v1/books/{name}?", field: title}
        list: {call: library, get: "/v1/shelves/{title2.name}/books?page_token={query.token}", optional: true}
        title2: {call: library, get: "/v1/books/{query.other}"}
        shelf: {call: library, get: "/v1/shelves/1/books?page_token={query.token}&page_size={query.size}"}
        late: {call: library, get: "/v1/shelves/1/books?page_size={query.late}", field: books.0.title, optional: true}
  - match: {path: "/v1/all/{what=**}"}
    merge: {parts: {up: {proxy: one, get: "/{what}"}}}
  - match: {path: /v1/hidden, methods: [HEAD]}
    merge: {parts: {up: {proxy: one, get: "/"}}}
  - match: {path: /v1/**}
    call: [library]
  - match: {path: /v1/books/home}
    merge: {parts: {up: {proxy: one, get: "/"}}}
  - merge: {parts: {up: {proxy: one, get: "/"}}}
`

func TestMergesAreInTheDocument(t *testing.T) {
	t.Parallel()
	b := setup(t, withMerges, map[string]*httptest.Server{"one": echo(t, "one")}, newLibrary(t), newExercise(t))
	d, err := openapi3.NewLoader().LoadFromData([]byte(b.do(t, "GET /openapi.json").body))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	page := d.Paths.Value("/v1/pages/{name}")
	if page == nil || page.Get == nil || page.Get.OperationID != "page" {
		t.Fatalf("%+v", page)
	}
	for name, want := range map[string]struct {
		in       string
		required bool
	}{
		"name": {"path", true}, "token": {"query", true}, "size": {"query", true}, "other": {"query", true},
		"late": {"query", false},
	} {
		p := page.Get.Parameters.GetByInAndName(want.in, name)
		if p == nil || p.Required != want.required {
			t.Errorf("%s: %+v, and not %+v", name, p, want)
		}
	}
	if n := len(page.Get.Parameters); n != 5 {
		t.Errorf("there are %d parameters", n)
	}
	schema := page.Get.Responses.Value("200").Value.Content["application/json"].Schema.Value
	for request, fits := range map[string]bool{
		"GET /v1/pages/7?token=a&size=1&other=8":        true, // late is missing
		"GET /v1/pages/7?token=a&size=1&other=8&late=1": true,
		"GET /v1/pages/7?size=1&other=8":                false,
		"GET /v1/pages/7?token=a&size=1":                false,
	} {
		got := b.do(t, request)
		var answer any
		if err := json.Unmarshal([]byte(got.body), &answer); err != nil {
			t.Fatal(err)
		}
		err := schema.VisitJSON(answer)
		if (err == nil) != fits || (got.StatusCode == http.StatusOK) != fits {
			t.Errorf("%s: %s %s: %v", request, got.Status, got.body, err)
		}
	}
	if title := schema.Properties["title"].Value; !title.Type.Is("string") {
		t.Errorf("%+v", title)
	}
	if ref := schema.Properties["book"].Ref; ref != "#/components/schemas/library.v1.Book" {
		t.Error(ref)
	}
	if late := schema.Properties["late"].Value; late == nil || !late.Type.Is("string") {
		t.Errorf("%+v", late)
	}
	for path, want := range map[string]bool{
		"/v1/all/{what}": true, "/v1/hidden": false, "/v1/books/home": false, "/": false,
	} {
		if (d.Paths.Value(path) != nil) != want {
			t.Errorf("%s: %t", path, !want)
		}
	}
	for path, want := range map[string]bool{"/exercise.json": false, "/library.json": true} {
		only, err := openapi3.NewLoader().LoadFromData([]byte(b.do(t, "GET "+path).body))
		if err != nil || (only.Paths.Value("/v1/pages/{name}") != nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}
