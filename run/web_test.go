package run_test

import (
	"io"
	"net/http"
	"testing"
)

func get(t *testing.T, url string) string {
	t.Helper()
	_, body := fetch(t, url)
	return body
}

func getCode(t *testing.T, url string) int {
	t.Helper()
	code, _ := fetch(t, url)
	return code
}

// fetch gets a page on a connection of its own.
func fetch(t *testing.T, url string) (code int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
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
