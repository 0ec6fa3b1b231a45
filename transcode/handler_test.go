package transcode_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"

	pb "github.com/kerf-go/kerf/internal/library/v1"
	"github.com/kerf-go/kerf/transcode"
)

func TestRequestsAreBoundToMessages(t *testing.T) {
	t.Parallel()
	front := setup(t, transcode.Options{})
	for name, test := range readCases(t, "testdata/bound.txt") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(t, front, test.method, test.path, test.body)
			if text := compact(t, got.body); got.StatusCode != http.StatusOK || text != test.want {
				t.Errorf("%s: %s\nnot %s", got.Status, text, test.want)
			}
			if kind := got.header("Content-Type"); kind != "application/json" {
				t.Errorf("it is %s", kind)
			}
		})
	}
}

func TestWrongRequestsAreToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	front := setup(t, transcode.Options{MaxBody: 100})
	for name, test := range readCases(t, "testdata/refused.txt") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(t, front, test.method, test.path, test.body)
			body := strings.ReplaceAll(got.body, `\"`, `"`)
			if got.StatusCode != test.code || !strings.Contains(body, test.want) {
				t.Errorf("%s: %s\nnot %d: %s", got.Status, body, test.code, test.want)
			}
		})
	}
}

func TestErrorsComeInTheFormThatTheClientTakes(t *testing.T) {
	t.Parallel()
	front := setup(t, transcode.Options{})
	got := do(t, front, "GET", "/v1/books/busy", "")
	details := `"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.500s"}]}`
	want := `{"code":8,"message":"too many readers",` + details
	if compact(t, got.body) != want || got.header("Retry-After") != "2" || got.header("Vary") != "Accept" {
		t.Errorf("%s, to be tried again after %s s, with %v", got.body, got.header("Retry-After"), got.Header)
	}
	got = do(t, front, "GET", "/v1/books/busy", "", "Accept: text/html, application/problem+json;q=0.9")
	want = `{"title":"Too Many Requests","status":429,"detail":"too many readers","code":"ResourceExhausted",` +
		details
	if got.body != want || got.header("Content-Type") != "application/problem+json" || got.header("Vary") != "Accept" {
		t.Errorf("%v: %s", got.Header, got.body)
	}
	got = do(t, front, "PUT", "/v1/books/7", "")
	if allow := got.header("Allow"); allow != "GET" {
		t.Errorf("allowed is %q", allow)
	}
	got = do(t, front, "PUT", "/v1/put/7", "<book/>", "Content-Type: text/xml")
	if got.StatusCode != http.StatusUnsupportedMediaType || !strings.Contains(got.body, "send application/json") {
		t.Errorf("%s: %s", got.Status, got.body)
	}
}

func TestHeadersAreMetadata(t *testing.T) {
	t.Parallel()
	front := setup(t, transcode.Options{})
	got := do(t, front, "GET", "/v1/books/headers", "", "Reader: ann", "Secret-Bin: aGk", "Grpc-Timeout: 1n",
		"Bad: caf\u00e9")
	if compact(t, got.body) != `{"title":"hi"}` || got.header("Shelf") != "ann" ||
		got.header("Mark-Bin") != "/wA" {
		t.Errorf("%s with %v", got.body, got.Header)
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	t.Parallel()
	front := setup(t, transcode.Options{})
	got := do(t, front, "HEAD", "/v1/books/7", "")
	if got.StatusCode != http.StatusOK || got.body != "" || got.ContentLength < 20 {
		t.Errorf("%s with %d bytes: %q", got.Status, got.ContentLength, got.body)
	}
}

func TestBodiesThatAreNoJSON(t *testing.T) {
	t.Parallel()
	front := setup(t, transcode.Options{})
	got := do(t, front, "GET", "/v1/downloads/7", "")
	if got.body != "all of 7" || got.header("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%s: %s", got.header("Content-Type"), got.body)
	}
	got = do(t, front, "POST", "/v1/uploads/7", "\x00\xff", "Content-Type: image/x")
	if got.body != "\x00\xff" || got.header("Content-Type") != "image/x" {
		t.Errorf("%s: %q", got.header("Content-Type"), got.body)
	}
	got = do(t, front, "GET", "/v1/pieces/7", "")
	if got.body != "one two" || got.header("Content-Type") != "text/plain" || got.header("Vary") != "" {
		t.Errorf("%s: %q", got.header("Content-Type"), got.body)
	}
	torn, err := front.Client().Get(front.URL + "/v1/pieces/torn")
	if err != nil {
		t.Fatal(err)
	}
	defer torn.Body.Close()
	if all, err := io.ReadAll(torn.Body); err == nil {
		t.Errorf("%q is taken for whole", all)
	}
}

func TestStreamsAreLinesOrEvents(t *testing.T) {
	t.Parallel()
	front := setup(t, transcode.Options{})
	const path = "/v1/shelves/3/books:watch?pageSize=2"
	book := `{"name":"shelves/3"}`
	fallen := `{"code":10,"message":"the shelf fell"}`
	for name, test := range map[string]struct{ path, accept, kind, want string }{
		"lines": {path, "*/*", "application/x-ndjson", `{"result":` + book + "}\n{\"result\":" + book + "}\n"},
		"lines that end in an error": {
			path + "&fail=true", "*/*", "application/x-ndjson",
			`{"result":` + book + "}\n{\"result\":" + book + "}\n{\"error\":" + fallen + "}\n",
		},
		"events": {
			path, "text/event-stream", "text/event-stream",
			"data: " + book + "\n\ndata: " + book + "\n\nevent: end\ndata: {}\n\n",
		},
		"events that end in an error": {
			path + "&fail=true", "text/event-stream", "text/event-stream",
			"data: " + book + "\n\ndata: " + book + "\n\nevent: error\ndata: " + fallen + "\n\n",
		},
		"no lines":                    {"/v1/shelves/3/books:watch", "*/*", "application/x-ndjson", ""},
		"an error before any message": {"/v1/shelves/3/books:watch?fail=true", "*/*", "application/json", fallen},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(t, front, "GET", test.path, "", "Accept: "+test.accept)
			if got.body != test.want || got.header("Content-Type") != test.kind || got.header("Vary") != "Accept" {
				t.Errorf("%s:\n%s\nnot %s:\n%s", got.header("Content-Type"), got.body, test.kind, test.want)
			}
		})
	}
}

// A subscription that has nothing to tell yet is open all the same, and ends with its reader.
func TestAQuietStreamIsOpen(t *testing.T) {
	t.Parallel()
	front := setup(t, transcode.Options{})
	response, err := front.Client().Get(front.URL + "/v1/shelves/3/books:watch?pageToken=wait")
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Error(response.Status)
	}
	if err := response.Body.Close(); err != nil { // goleak tells if the handler does not notice
		t.Error(err)
	}
}

func TestRulesBeatAnnotations(t *testing.T) {
	t.Parallel()
	front := setup(t, transcode.Options{Rules: []*annotations.HttpRule{
		{Selector: "library.v1.Library.Plain", Pattern: &annotations.HttpRule_Get{Get: "/plain/{name}"}},
		{Selector: "library.v1.Library.Echo", Pattern: &annotations.HttpRule_Get{Get: "/echo"}},
	}})
	if got := do(t, front, "GET", "/plain/7", ""); compact(t, got.body) != `{"name":"7","title":"plain"}` {
		t.Error(got.body)
	}
	if got := do(t, front, "GET", "/v1/echo", ""); got.StatusCode != http.StatusNotFound {
		t.Error(got.Status)
	}
}

func TestAFieldOfTheReplyThatIsNotSet(t *testing.T) {
	t.Parallel()
	wants := map[string]string{
		"at": "null", "wait": "null", "mask": "null", "maybe_text": "null", "maybe_number": "null", "any": "null",
		"struct": "null", "value": "null", "nested": "null", "text": `""`, "large": `"0"`, "times": "[]", "words": "{}",
	}
	rule := &annotations.HttpRule{
		Selector: "library.v1.Library.Echo", Pattern: &annotations.HttpRule_Get{Get: "/echo"},
	}
	for field := range wants {
		rule.AdditionalBindings = append(rule.AdditionalBindings, &annotations.HttpRule{
			Pattern: &annotations.HttpRule_Post{Post: "/" + field}, Body: "*", ResponseBody: field,
		})
	}
	front := setup(t, transcode.Options{Rules: []*annotations.HttpRule{rule}})
	for field, want := range wants {
		if got := do(t, front, "POST", "/"+field, "{}"); got.StatusCode != http.StatusOK || got.body != want {
			t.Errorf("%s: %s %s, and not %s", field, got.Status, got.body, want)
		}
	}
	for field, set := range map[string]string{"nested": "{}", "value": "null", "at": `"1970-01-01T00:00:00Z"`} {
		if got := do(t, front, "POST", "/"+field, `{"`+field+`": `+set+`}`); got.body != set {
			t.Errorf("%s that is set: %s %s, and not %s", field, got.Status, got.body, set)
		}
	}
}

func TestWrongRulesAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ rule, want string }{
		"no slash":         {`"get": "v1"`, `path template "v1": at character 1: it has to begin with a slash`},
		"an empty segment": {`"get": "/v1//x"`, `at character 5: a segment is missing`},
		"not the last":     {`"get": "/v1/**/x"`, `at character 8: ** has to be the last segment`},
		"not closed":       {`"get": "/v1/{name"`, `a variable is not closed`},
		"nested":           {`"get": "/v1/{name={x}}"`, `a variable cannot hold another`},
		"no name":          {`"get": "/v1/{=x}"`, `"" is no field path`},
		"no field":         {`"get": "/v1/{colour}"`, `library.v1.GetBookRequest has no field "colour"`},
		"twice":            {`"get": "/v1/{name}/{name}"`, `name is bound twice`},
		"an empty verb":    {`"get": "/v1/x:"`, `a verb has to follow the colon`},
		"a question":       {`"get": "/v1/x?y"`, `"?" cannot stand here`},
		"no pattern":       {`"body": "*"`, `the rule has no pattern`},
		"no kind":          {`"custom": {"path": "/x"}`, `needs its kind`},
		"no such body":     {`"put": "/x", "body": "x"`, `body: library.v1.GetBookRequest has no field "x"`},
		"no such answer":   {`"get": "/x", "responseBody": "x"`, `response_body: library.v1.Book has no field "x"`},
		"two of the same":  {`"get": "/v1/downloads/{name}"`, `is also`},
		"rules in additional rules": {
			`"get": "/x", "additionalBindings": [{"get": "/y", "additionalBindings": [{"get": "/z"}]}]`,
			`additional_bindings cannot have`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule := new(annotations.HttpRule)
			whole := `{"selector": "library.v1.Library.Plain", ` + test.rule + "}"
			if err := protojson.Unmarshal([]byte(whole), rule); err != nil {
				t.Fatal(err)
			}
			_, err := transcode.New([]transcode.Service{{
				Desc: pb.File_internal_library_v1_library_proto.Services().ByName("Library"),
			}}, transcode.Options{Rules: []*annotations.HttpRule{rule}})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nnot %s", err, test.want)
			}
		})
	}
	_, err := transcode.New(nil, transcode.Options{Rules: []*annotations.HttpRule{{Selector: "nobody"}}})
	if want := `a rule selects "nobody", which no service has`; fmt.Sprint(err) != want {
		t.Errorf("%v\nnot %s", err, want)
	}
}
