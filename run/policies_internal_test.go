package run

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/fleet"
)

func TestAProcessThatDoesNotTellItsPoliciesIsNamed(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	lost := httptest.NewServer(http.NotFoundHandler())
	defer lost.Close()
	tells := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("[]"))
	}))
	defer tells.Close()
	report := withPolicies(t.Context(), fleet.Report{Processes: []fleet.Status{
		{Process: "gone", Admin: gone.URL}, {Process: "lost", Admin: lost.URL}, {Process: "tells", Admin: tells.URL},
	}})
	for i, want := range []string{"refused", "404", ""} {
		got := report.Processes[i].Unknown
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", report.Processes[i].Process, got, want)
		}
	}
	var out bytes.Buffer
	if err := (&commands{stdout: &out}).troubles(report); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "is not known"); n != 2 || strings.Contains(out.String(), "tells 0") {
		t.Errorf("got %s", &out)
	}
}
