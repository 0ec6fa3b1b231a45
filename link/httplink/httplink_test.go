package httplink_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/httplink"
	"github.com/kerf-go/kerf/link/linktest"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCallsOverHTTPBehaveAsGRPC(t *testing.T) { //nolint:paralleltest // its first cases count goroutines
	linktest.Exercise(t, linktest.Subject{Link: httplink.Link{}, URL: "http://127.0.0.1:0"})
}

// serving is a server of Exercise that answers nothing but Unimplemented.
func serving(t *testing.T) link.Server {
	t.Helper()
	return serve(t, linktestv1.UnimplementedExerciseServer{})
}

func serve(t *testing.T, impl linktestv1.ExerciseServer) link.Server {
	t.Helper()
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	server, err := httplink.Link{}.Listen(t.Context(), u, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	linktestv1.RegisterExerciseServer(server, impl)
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	return server
}

// post sends a body to the unary method, and gives the answer's status and body.
func post(t *testing.T, server link.Server, body string, header map[string]string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		server.URL()+linktestv1.Exercise_Unary_FullMethodName, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range header {
		request.Header.Set(key, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestABodyThatIsNotTheMessageIsTheCallersFault(t *testing.T) {
	t.Parallel()
	status, body := post(t, serving(t), `{"text": 7}`, map[string]string{"Content-Type": "application/json"})
	if status != http.StatusBadRequest || !strings.Contains(body, "invalid_argument") {
		t.Errorf("%d: %s", status, body)
	}
}

func TestCurlNeedsNoHeader(t *testing.T) {
	t.Parallel()
	server := serving(t)
	const form = "application/x-www-form-urlencoded" // which curl -d says of any body
	for name, c := range map[string]struct {
		key, value string
		want       int
	}{
		"curl":                   {"X-Nothing", "", http.StatusNotImplemented},
		"a form on another site": {"Origin", "https://evil.example", http.StatusUnsupportedMediaType},
		"a form on any site":     {"Sec-Fetch-Site", "none", http.StatusUnsupportedMediaType},
	} {
		header := map[string]string{"Content-Type": form, c.key: c.value}
		if got, body := post(t, server, `{"text": "x"}`, header); got != c.want {
			t.Errorf("%s: %d, want %d: %s", name, got, c.want, body)
		}
	}
}
