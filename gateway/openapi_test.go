package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	library "github.com/kerf-go/kerf/internal/library/v1"
)

const withDocument = `
routes:
  - match: {path: /openapi.json}
    openapi: {title: Books}
  - match: {path: /openapi}
    openapi: {page: /openapi.json}
  - match: {path: /exercise.json}
    openapi: {title: Exercise, services: [exercise]}
  - match: {path: /v1/titles/**}
    answer: {body: "another's"}
  - match: {path: /v1/uploads/**, hosts: [other.example]}
    answer: {body: "another's"}
  - match: {path: /v1/tags/*, methods: [GET]}
    answer: {body: "another's"}
  - match: {path: /v1/**}
    call: [library]
  - match: {path: /library.v1.Library/*, methods: [GET]}
    call: [library]
  - match: {path: /kerf.linktest.v1.Exercise/*}
    call: [exercise]
`

type operation struct {
	ID         string `json:"operationId"` //nolint:tagliatelle // OpenAPI's
	Parameters []struct {
		Name, In string
		Schema   schema
	}
	RequestBody *struct {
		Content map[string]struct{ Schema schema }
	}
}

type schema struct {
	Type any
	Ref  string `json:"$ref"`
}

// value is one that the schema takes, as far as these services go.
func (s schema) value() string {
	switch s.Type {
	case "boolean":
		return "true"
	case "object":
		return "{}"
	case "array":
		return "[]"
	}
	return "1"
}

// Each operation of the document is asked for, of a service that has no method: what it
// tells is which one was called.
func TestWhatTheDocumentTellsIsServed(t *testing.T) {
	t.Parallel()
	b := setup(t, withDocument, nil, serve(t, library.File_internal_library_v1_library_proto,
		&library.Library_ServiceDesc, library.UnimplementedLibraryServer{}), newExercise(t))
	var d struct {
		Paths map[string]map[string]operation
	}
	document := []byte(b.do(t, "GET /openapi.json").body)
	if err := json.Unmarshal(document, &d); err != nil { //nolint:musttag // names are matched as they are
		t.Fatal(err)
	}
	asked := 0
	for path, item := range d.Paths {
		for verb, o := range item {
			if strings.HasPrefix(o.ID, "kerf.") {
				continue
			}
			asked++
			to := path
			for _, p := range o.Parameters {
				if p.In == "path" {
					to = strings.ReplaceAll(to, "{"+p.Name+"}", p.Schema.value())
				}
			}
			body := ""
			if o.RequestBody != nil {
				body = "\n" + o.RequestBody.Content["application/json"].Schema.value()
				if o.RequestBody.Content["application/json"].Schema.Ref != "" {
					body = "\n{}"
				}
				if strings.HasPrefix(path, "/v1/count/") {
					body = "\n\"1\""
				}
			}
			method := regexp.MustCompile(`\.([A-Z]\w+)(\.\d+)?$`).FindStringSubmatch(o.ID)[1]
			got := b.do(t, strings.ToUpper(verb)+" "+to+body)
			if got.StatusCode != http.StatusNotImplemented ||
				!strings.Contains(got.body, fmt.Sprintf("method %s not implemented", method)) {
				t.Errorf("%s %s: %s: %s", verb, to, got.Status, got.body)
			}
		}
	}
	if asked < 20 {
		t.Errorf("there are %d operations", asked)
	}
	for path, served := range map[string]bool{
		"/v1/books/{name}": true, "/v1/titles/{name}": false, "/v1/uploads/{name}": true, "/v1/tags/{name}": true,
		"/library.v1.Library/Plain": false, "/kerf.linktest.v1.Exercise/Unary": true,
	} {
		if (d.Paths[path] != nil) != served {
			t.Errorf("%s: %v", path, d.Paths[path])
		}
	}
	only := b.do(t, "GET /exercise.json")
	if !strings.Contains(only.body, "Exercise/Unary") || strings.Contains(only.body, "/v1/books") {
		t.Error(only.body)
	}
	page := b.do(t, "GET /openapi")
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, `data-document="/openapi.json"`) {
		t.Errorf("%s: %s", page.Status, page.body)
	}
}
