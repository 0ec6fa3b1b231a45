package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/examples/chirp/story"
	"github.com/kerf-go/kerf/kerftest"
)

const plainHTTP = `
routes:
  - match: {path: "/v1/outcomes/{receipt}"}
    outcomes: true
  - match: {path: "/v1/**"}
    call: [accounts, notify]
  - pages: true
`

// behind is a plan of Chirp's with a gateway before its pages.
func behind(t *testing.T, plan string) (file string) {
	t.Helper()
	text, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	changed := strings.Replace(string(text), "services: [web]", "services: [edge, web]", 1) +
		"config: {edge: {file: routes.yaml}}\n"
	file = filepath.Join(folder, filepath.Base(plan))
	for name, content := range map[string]string{file: changed, filepath.Join(folder, "routes.yaml"): plainHTTP} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// deliver asks notify over plain HTTP.
func deliver(v *story.Visitor, request string) story.Answer {
	return v.Send(http.MethodPost, "/v1/deliveries", request, http.Header{"Content-Type": {"application/json"}})
}

// outcome is what has become of a request.
type outcome struct {
	State string
	Error struct{ Code codes.Code }
}

func outcomeAt(t *testing.T, v *story.Visitor, location string) (o outcome) {
	t.Helper()
	body := v.Get(location).Body
	if err := json.Unmarshal([]byte(body), &o); err != nil { //nolint:musttag // names are matched as they are
		t.Fatalf("%s: %v", body, err)
	}
	return o
}

func TestAQueueAnswersOverPlainHTTP(t *testing.T) {
	t.Parallel()
	env := kerftest.Processes(t, app(), behind(t, queued))
	v := story.NewVisitor(t, "program", env.URL())
	accepted := func(request string) (location string) {
		t.Helper()
		a := deliver(v, request)
		location = a.Header.Get("Location")
		if a.Status != http.StatusAccepted || !strings.HasPrefix(location, "/v1/outcomes/") {
			t.Fatalf("%d %s: %s", a.Status, location, a.Body)
		}
		return location
	}
	good, bad := accepted(`{"postId": "1", "authorId": "1"}`), accepted(`{"postId": "-7"}`)
	eventually(t, "one is done", func() bool { return outcomeAt(t, v, good).State == "DONE" })
	eventually(t, "one is dead", func() bool { return outcomeAt(t, v, bad).State == "DEAD" })
	if o := outcomeAt(t, v, bad); o.Error.Code != codes.InvalidArgument {
		t.Errorf("%+v", o)
	}
	env.Kill("notify")
	late := accepted(`{"postId": "2", "authorId": "1"}`)
	if o := outcomeAt(t, v, late); o.State != "PENDING" {
		t.Errorf("without notify: %+v", o)
	}
	env.Restart("notify")
	eventually(t, "it is done in the end", func() bool { return outcomeAt(t, v, late).State == "DONE" })
	for _, made := range []string{"/v1/outcomes/x", "/v1/outcomes/L2NoaXJw", late[:len(late)-8]} {
		if a := v.Get(made); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d %s", made, a.Status, a.Body)
		}
	}
	if a := v.Get("/v1/profiles/nobody"); a.Status != http.StatusNotFound {
		t.Errorf("an answer through the queue: %d %s", a.Status, a.Body)
	}
}

func TestSocketsAnswerOverPlainHTTP(t *testing.T) {
	t.Parallel()
	kerftest.Run(t, app(), []string{behind(t, sockets)}, func(t *testing.T, env *kerftest.Env) {
		t.Helper()
		v := story.NewVisitor(t, "program", env.URL())
		signUp(t, env, "ann")
		if a := v.Get("/v1/profiles/ann"); a.Status != http.StatusOK || !strings.Contains(a.Body, `"ann"`) {
			t.Errorf("over TCP: %d %s", a.Status, a.Body)
		}
		if a := deliver(v, `{"postId": "1", "authorId": "1"}`); a.Status != http.StatusOK {
			t.Errorf("over UDP: %d %s", a.Status, a.Body)
		}
	})
}
