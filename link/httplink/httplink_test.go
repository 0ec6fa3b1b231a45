package httplink_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/httplink"
	"github.com/kerf-go/kerf/link/linktest"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func TestCallsOverHTTPBehaveAsGRPC(t *testing.T) {
	t.Parallel()
	linktest.Exercise(t, linktest.Subject{Link: httplink.Link{}, URL: "http://127.0.0.1:0"})
}

func TestABodyThatIsNotTheMessageIsTheCallersFault(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	server, err := httplink.Link{}.Listen(t.Context(), u, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	linktestv1.RegisterExerciseServer(server, linktestv1.UnimplementedExerciseServer{})
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		server.URL()+linktestv1.Exercise_Unary_FullMethodName, strings.NewReader(`{"text": 7}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "invalid_argument") {
		t.Errorf("%s: %s", response.Status, body)
	}
}
