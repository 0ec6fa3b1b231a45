package openapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	library "github.com/kerf-go/kerf/internal/library/v1"
	"github.com/kerf-go/kerf/transcode"
	"github.com/kerf-go/kerf/transcode/openapi"
)

// read describes a service, holds the document to OpenAPI's rules, and gives it.
func read(t *testing.T, service protoreflect.ServiceDescriptor, rules ...*annotations.HttpRule) any {
	t.Helper()
	h, err := transcode.New([]transcode.Service{{Desc: service}}, transcode.Options{Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	text, err := openapi.Document(openapi.Info{Title: "Books", Description: "All of them."}, h.Operations())
	if err != nil {
		t.Fatal(err)
	}
	d, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := d.Validate(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var whole any
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	return whole
}

// at finds a part of a document: members by name, and of a list the element with that name.
func at(t *testing.T, value any, way string) string {
	t.Helper()
	for step := range strings.FieldsSeq(way) {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			value = nil
			for _, e := range v {
				if m, ok := e.(map[string]any); ok && m["name"] == step {
					value = m
				}
			}
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocumentsTellWhatIsServed(t *testing.T) {
	t.Parallel()
	d := read(t, library.File_internal_library_v1_library_proto.Services().ByName("Library"))
	const schemas, ok = "components schemas ", " responses 200 content application/json schema"
	for name, test := range map[string]struct{ way, want string }{
		"its version":    {"openapi", `"3.1.1"`},
		"what it is":     {"info", `{"description":"All of them.","title":"Books","version":"1"}`},
		"an answer":      {"paths /v1/books/{name} get" + ok, `{"$ref":"#/components/schemas/library.v1.Book"}`},
		"a part of one":  {"paths /v1/titles/{name} get" + ok, `{"type":"string"}`},
		"a list of them": {"paths /v1/shelves/{shelves}/plain get" + ok + " type", `"array"`},
		"an operation":   {"paths /v1/books/{name} get operationId", `"library.v1.Library.GetBook.2"`},
		"a verb": {
			"paths /v1/shelves/{shelves}/books/{books}:lend post operationId",
			`"library.v1.Library.LendBook"`,
		},
		"one path of two": {
			"paths /v1/shelves/{shelves}/books/{books} patch operationId", `"library.v1.Library.UpdateBook"`,
		},
		"a part of a path": {
			"paths /v1/shelves/{shelves}/books/{books} get parameters books",
			"{\"description\":\"A part of `name`, which is `shelves/*/books/*`.\",\"in\":\"path\",\"name\":\"books\"," +
				`"required":true,"schema":{"type":"string"}}`,
		},
		"a path of any length": {
			"paths /v1/files/{text} get parameters text description",
			`"Any number of segments."`,
		},
		"a path that nobody looks at": {"paths /v1/any/{any} get parameters any in", `"path"`},
		"a field of a message in the path": {
			"paths /v1/nested/{nested.nested.text} get parameters nested.nested.text " +
				"in", `"path"`,
		},
		"a number in the path": {"paths /v1/echo/{text}/{number}/{kind}/{yes} get parameters number " +
			"schema type", `"integer"`},
		"a query": {
			"paths /v1/shelves/{shelves}/books get parameters pageSize schema type",
			`"integer"`,
		},
		"a query has not what is in the path": {"paths /v1/shelves/{shelves}/books get parameters parent", `null`},
		"a query has not what is in the body": {"paths /v1/shelves/{shelves}/books post parameters book.title", `null`},
		"a query beside a body": {
			"paths /v1/shelves/{shelves}/books post parameters requestId in", `"query"`,
		},
		"a query has not what holds itself": {"paths /v1/echo get parameters nested.text", `null`},
		"a body": {
			"paths /v1/echo post requestBody content application/json schema",
			`{"$ref":"#/components/schemas/library.v1.Everything"}`,
		},
		"a body that is a map": {"paths /v1/numbers/{name} post requestBody content application/json " +
			"schema additionalProperties type", `"integer"`},
		"a body of any type":    {"paths /v1/uploads/{name} post requestBody content", `{"*/*":{}}`},
		"an answer of any type": {"paths /v1/downloads/{name} get responses 200 content", `{"*/*":{}}`},
		"a method without an annotation": {
			"paths /library.v1.Library/Plain post operationId",
			`"library.v1.Library.Plain"`,
		},
		"a method that takes a stream":         {"paths /library.v1.Library/Chat", `null`},
		"a method of which HTTP has not heard": {"paths /v1/shelves/{shelves}/books/{books} lend", `null`},
		"a stream": {
			"paths /v1/shelves/{shelves}/books:watch get responses 200 content text/event-stream schema type",
			`"string"`,
		},
		"an error": {"paths /v1/echo get responses default", `{"$ref":"#/components/responses/Error"}`},
		"an error's form": {
			"components responses Error content application/json schema",
			`{"$ref":"#/components/schemas/google.rpc.Status"}`,
		},
		"an enum":                {schemas + "library.v1.Kind enum", `["KIND_UNSPECIFIED","KIND_NOVEL","KIND_POEM"]`},
		"a large number is text": {schemas + "library.v1.Everything properties large type", `"string"`},
		"bytes are text":         {schemas + "library.v1.Everything properties data contentEncoding", `"base64"`},
		"a time":                 {schemas + "library.v1.Everything properties times items format", `"date-time"`},
		"what may be null": {
			schemas + "library.v1.Everything properties maybeYes anyOf",
			`[{"type":"boolean"},{"type":"null"}]`,
		},
		"a name for JSON": {schemas + "library.v1.Everything properties otherName type", `"string"`},
		"a choice": {
			schemas + "library.v1.Everything allOf", `[{"oneOf":[{"required":["left"]},{"required":["right"]},` +
				`{"not":{"anyOf":[{"required":["left"]},{"required":["right"]}]}}]}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := at(t, d, test.way); got != test.want {
				t.Errorf("%s: %s", test.way, got)
			}
		})
	}
}

func TestAMessageThatIsAllOfAnAnswerMayBeNull(t *testing.T) {
	t.Parallel()
	d := read(t, library.File_internal_library_v1_library_proto.Services().ByName("Library"), &annotations.HttpRule{
		Selector: "library.v1.Library.Echo", Pattern: &annotations.HttpRule_Get{Get: "/at"}, ResponseBody: "at",
	})
	const way = "paths /at get responses 200 content application/json schema anyOf"
	if got := at(t, d, way); got != `[{"format":"date-time","type":"string"},{"type":"null"}]` {
		t.Error(got)
	}
}

// commented is a service whose descriptors have what those that are linked in have not.
func commented(t *testing.T) protoreflect.ServiceDescriptor {
	t.Helper()
	required := new(descriptorpb.FieldOptions)
	proto.SetExtension(required, annotations.E_FieldBehavior,
		[]annotations.FieldBehavior{annotations.FieldBehavior_REQUIRED, annotations.FieldBehavior_INPUT_ONLY})
	made := new(descriptorpb.FieldOptions)
	made.Deprecated = new(true)
	proto.SetExtension(made, annotations.E_FieldBehavior,
		[]annotations.FieldBehavior{annotations.FieldBehavior_OUTPUT_ONLY})
	text := func(name string, number int32, o *descriptorpb.FieldOptions) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{
			Name: &name, Number: &number, Options: o, JsonName: &name,
			Type:  descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
	}
	says := func(comment string, path ...int32) *descriptorpb.SourceCodeInfo_Location {
		return &descriptorpb.SourceCodeInfo_Location{Path: path, Span: []int32{0, 0, 1}, LeadingComments: &comment}
	}
	trailing := says("", 4, 0, 2, 0)
	trailing.LeadingComments, trailing.TrailingComments = nil, new(" what it is called\n")
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("shop.proto"), Package: new("shop"), Syntax: new("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: new("Item"),
			Field: []*descriptorpb.FieldDescriptorProto{text("name", 1, required), text("id", 2,
				made)},
		}},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: new("Shop"),
			Method: []*descriptorpb.MethodDescriptorProto{{
				Name: new("Sell"), InputType: new(".shop.Item"), OutputType: new(".shop.Item"),
				Options: &descriptorpb.MethodOptions{Deprecated: new(true)},
			}},
		}},
		SourceCodeInfo: &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{
			says(" Shop sells.\n", 6, 0), says(" Sell sells one. It fails\n if there is none.\n", 6, 0, 2, 0), trailing,
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return file.Services().ByName("Shop")
}

func TestDocumentsHaveTheCommentsAndOptions(t *testing.T) {
	t.Parallel()
	d := read(t, commented(t))
	for way, want := range map[string]string{
		"tags shop.Shop description":             `"Shop sells."`,
		"paths /shop.Shop/Sell post summary":     `"Sell sells one."`,
		"paths /shop.Shop/Sell post description": `"Sell sells one. It fails\nif there is none."`,
		"paths /shop.Shop/Sell post deprecated":  `true`,
		"components schemas shop.Item properties name": `{"description":"what it is called",` +
			`"type":"string","writeOnly":true}`,
		"components schemas shop.Item properties id": `{"deprecated":true,"readOnly":true,"type":"string"}`,
		"components schemas shop.Item required":      `["name"]`,
	} {
		if got := at(t, d, way); got != want {
			t.Errorf("%s: %s", way, got)
		}
	}
}

func TestThePageIsWhole(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	openapi.Page(`/a"b.json`).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	body := w.Body.String()
	if !strings.Contains(body, `data-document="/a&#34;b.json"`) || strings.Contains(body, "http://") ||
		strings.Contains(body, "https://") || !strings.Contains(body, "fetch(at)") {
		t.Error(body)
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Error(policy)
	}
	w = httptest.NewRecorder()
	openapi.Page("/").ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Error(w.Code)
	}
}
