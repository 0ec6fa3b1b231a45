package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	"github.com/kerf-go/kerf/gateway"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/transcode"
)

const orderSchema = `{
  "type": "object", "required": ["item"], "additionalProperties": false,
  "properties": {
    "item": {"type": "string", "minLength": 1}, "count": {"type": "integer", "minimum": 1},
    "by/at": {"type": "array", "items": {"type": "string", "format": "date"}}
  }
}`

const plain = "Content-Type: application/json"

// write puts a file into a folder of the test's own, and gives its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// mirror is an upstream that answers with the body that it is sent, or else with that of
// the header Answer, of the type and status that headers name. asked counts requests.
func mirror(t *testing.T, asked *atomic.Int64) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if text := r.Header.Get("Answer"); text != "" {
			body = []byte(text)
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("ETag", `"1"`)
		h.Set("Seen-Encoding", r.Header.Get("Accept-Encoding"))
		for name, values := range r.Header {
			if of, ok := strings.CutPrefix(name, "Answer-"); ok {
				h[of] = values
			}
		}
		w.WriteHeader(map[string]int{"": 200, "error": 400, "none": 204}[r.Header.Get("With")])
		if r.Header.Get("With") != "none" {
			_, _ = w.Write(body)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestBodiesOfRequestsFitTheirSchema(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	b := setup(t, fmt.Sprintf(`
upstreams: {up: {urls: ["{up}"]}}
routes:
  - proxy: up
    validate: {request: {schema: %q, types: [text/csv]}, body: 100}
`, write(t, "order.json", orderSchema)), map[string]*httptest.Server{"up": mirror(t, &asked)})
	long := strings.Repeat("a", 100)
	const csv = "Content-Type: text/csv"
	for name, x := range map[string]struct {
		request, kind, body string
		code                int
		want                string
	}{
		"one that fits":               {"POST /", plain, `{"item": "tea", "count": 2}`, 200, `"tea"`},
		"a type beside application":   {"PUT /", "Content-Type: text/x+json; charset=UTF-8", `{"item": "a"}`, 200, ``},
		"what is missing":             {"POST /", plain, `{"count": 1}`, 400, `missing property 'item'`},
		"where it does not fit":       {"POST /", plain, `{"item": "", "count": 0}`, 400, `"field":"/count"`},
		"all that does not fit":       {"POST /", plain, `{"item": "", "count": 0}`, 400, `"field":"/item"`},
		"a name with slash":           {"POST /", plain, `{"item": "a", "by/at": ["1 May"]}`, 400, `"/by~1at/0"`},
		"what is not known":           {"POST /", plain, `{"item": "a", "admin": true}`, 400, `'admin' not allowed`},
		"no JSON":                     {"POST /", plain, `{"item": `, 400, `the body is not the JSON`},
		"a name twice":                {"POST /", plain, `{"item": "a", "item": 1}`, 400, `stands twice`},
		"a number that takes for aye": {"POST /", plain, `{"item": "a", "count": 1e1000000000}`, 400, `out of range`},
		"too large":                   {"POST /", plain, `{"item": "` + long + `"}`, 413, `larger than the 100 bytes`},
		"another type":                {"POST /", "Content-Type: text/plain", `{"item": "a"}`, 415, `or text/csv`},
		"no type":                     {"POST /", "X: y", `{"item": "a"}`, 415, `of type`},
		"another charset":             {"POST /", plain + "; charset=utf-16", `{"item": "a"}`, 415, ``},
		"a type that may pass":        {"POST /", csv, `{}, 1`, 200, `{}, 1`},
		"no body":                     {"POST /", plain, ``, 400, `the body is missing`},
		"no body where none is due":   {"GET /", plain, ``, 200, ``},
		"a body where none is due":    {"GET /", plain, `{"count": 1}`, 400, `missing property`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			headers := []string{x.kind}
			if x.body != "" {
				headers = append(headers, x.body)
			}
			got := b.do(t, x.request, headers...)
			if got.StatusCode != x.code || !strings.Contains(got.body, x.want) {
				t.Errorf("%s %s", got.Status, got.body)
			}
		})
	}
	t.Run("too large, without a length", func(t *testing.T) {
		t.Parallel()
		body := io.MultiReader(strings.NewReader(`{"item": "`), strings.NewReader(long+`"}`))
		got, err := http.Post(b.url, "application/json", body)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		if got.StatusCode != http.StatusRequestEntityTooLarge {
			t.Error(got.Status)
		}
	})
	for name, encodings := range map[string][]string{
		"a compressed body":             {"Content-Encoding: gzip"},
		"one that is so by a list":      {"Content-Encoding: identity, gzip"},
		"one that is so by two headers": {"Content-Encoding: identity", "Content-Encoding: gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := b.do(t, "POST /", append(encodings, plain, `{"item": "a"}`)...)
			if got.StatusCode != http.StatusUnsupportedMediaType || !strings.Contains(got.body, "compressed") {
				t.Errorf("%s %s", got.Status, got.body)
			}
		})
	}
	t.Run("a body of two types", func(t *testing.T) {
		t.Parallel()
		for _, types := range [][]string{{csv, plain}, {plain, csv}, {plain, plain}} {
			got := b.do(t, "POST /", append(types, `{"item": "a"}`)...)
			if got.StatusCode != http.StatusBadRequest || !strings.Contains(got.body, "more than one Content-Type") {
				t.Errorf("%q: %s %s", types, got.Status, got.body)
			}
		}
	})
}

func TestAnswersFitTheirSchema(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	b := setup(t, fmt.Sprintf(`
upstreams: {up: {urls: ["{up}"]}}
routes:
  - proxy: up
    validate: {response: {schema: %q}, body: 100}
`, write(t, "order.json", orderSchema)), map[string]*httptest.Server{"up": mirror(t, &asked)})
	for name, x := range map[string]struct {
		headers []string
		code    int
		want    string
	}{
		"one that fits":     {[]string{`Answer: {"item": "tea"}`}, 200, `{"item": "tea"}`},
		"one that does not": {[]string{`Answer: {"secret": "tea"}`}, 502, `not as it should be`},
		"no JSON":           {[]string{`Answer: a`, "Answer-Content-Type: text/plain"}, 502, ``},
		"compressed":        {[]string{`Answer: {"item": "tea"}`, "Answer-Content-Encoding: gzip"}, 502, ``},
		"of two types": {
			[]string{`Answer: {"secret": 1}`, "Answer-Content-Type: text/event-stream", "Answer-" + plain}, 502, ``,
		},
		"of a type, and of another": {
			[]string{`Answer: {"item": "tea"}`, "Answer-" + plain, "Answer-Content-Type: text/html"}, 502, ``,
		},
		"compressed by a second header": {
			[]string{`Answer: {"item": "tea"}`, "Answer-Content-Encoding: identity", "Answer-Content-Encoding: gzip"},
			502, ``,
		},
		"too large":          {[]string{`Answer: {"item": "` + strings.Repeat("a", 100) + `"}`}, 502, ``},
		"an error":           {[]string{`Answer: {"error": 1}`, "With: error"}, 400, `{"error": 1}`},
		"no body":            {[]string{`Answer: a`, "With: none"}, 204, ``},
		"events are no JSON": {[]string{`Answer: data: a`, "Answer-Content-Type: text/event-stream"}, 200, `data: a`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := b.do(t, "GET /", append(x.headers, "Accept-Encoding: gzip")...)
			if got.StatusCode != x.code || !strings.Contains(got.body, x.want) {
				t.Errorf("%s %s", got.Status, got.body)
			}
			if bad := x.code == 502; bad == (got.Header.Get("ETag") != "") || got.Header.Get("Seen-Encoding") != "" {
				t.Errorf("%v", got.Header)
			}
			if strings.Contains(got.body, "secret") {
				t.Error("the client sees what it must not")
			}
		})
	}
}

// unasked is a conn on which nothing is called.
type unasked struct{ t *testing.T }

func (c unasked) Invoke(_ context.Context, method string, _, _ any, _ ...grpc.CallOption) error {
	if !strings.HasSuffix(method, "/LogIn") {
		c.t.Errorf("%s was called", method)
	}
	return nil
}

func (c unasked) NewStream(
	context.Context, *grpc.StreamDesc, string, ...grpc.CallOption,
) (grpc.ClientStream, error) {
	c.t.Error("a stream was made")
	return nil, io.EOF
}

func TestCallsKeepTheRulesOfTheirProtos(t *testing.T) {
	t.Parallel()
	d, err := plan.ReadDocument("g.yaml", []byte(
		"log: off\nroutes: [{call: [accounts, follows], validate: {rules: true}}]"))
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(d, gateway.Options{Services: map[string][]transcode.Service{
		"accounts": {{
			Desc: accountsv1.File_examples_chirp_accounts_v1_accounts_proto.Services().ByName("Accounts"),
			Conn: unasked{t},
		}},
		"follows": {{
			Desc: followsv1.File_examples_chirp_follows_v1_follows_proto.Services().ByName("Follows"),
			Conn: unasked{t},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w
	}
	for name, x := range map[string]struct{ method, path, body, want string }{
		"fields":          {"POST", "/v1/accounts", `{"name": "", "password": "short"}`, `"field":"password"`},
		"each field":      {"POST", "/v1/accounts", `{"name": "", "password": "short"}`, `"field":"name"`},
		"a whole message": {"PUT", "/v1/accounts/1/following/1", ``, `nobody can follow themselves`},
		"an item":         {"GET", "/v1/follows:count?account_ids=1&account_ids=-1", ``, `"field":"account_ids[1]"`},
	} {
		w := ask(x.method, x.path, x.body)
		if w.Code != 400 || !strings.Contains(w.Body.String(), x.want) ||
			!strings.Contains(w.Body.String(), "google.rpc.BadRequest") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := ask("POST", "/v1/sessions", `{"name": "ada", "password": "x"}`); w.Code != 200 {
		t.Errorf("a call without rules: %d %s", w.Code, w.Body)
	}
}

func TestMistakesInValidation(t *testing.T) {
	t.Parallel()
	wrong := fmt.Sprintf(`routes: [{validate: {response: {schema: %q}}, answer: {}}]`, write(t, "a", `{"type": 1}`))
	for name, x := range map[string][2]string{
		"no schema":         {`routes: [{validate: {request: {}}, answer: {}}]`, "there is no schema"},
		"no file":           {`routes: [{validate: {request: {schema: none.json}}, answer: {}}]`, "none.json"},
		"no JSON Schema":    {wrong, "g.yaml:1:"},
		"rules of no call":  {`routes: [{validate: {rules: true}, answer: {}}]`, "rules are those of a call"},
		"less than no body": {`routes: [{validate: {body: -1}, answer: {}}]`, "-1 is negative"},
	} {
		d, err := plan.ReadDocument("g.yaml", []byte(x[0]))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := gateway.New(d, gateway.Options{}); err == nil || !strings.Contains(err.Error(), x[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
