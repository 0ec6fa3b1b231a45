package run

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/internal/porttest"
)

func TestAProcessThatDoesNotTellItsPoliciesIsNamed(t *testing.T) {
	t.Parallel()
	lost := httptest.NewServer(http.NotFoundHandler())
	defer lost.Close()
	tells := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("[]"))
	}))
	defer tells.Close()
	report := askAll(t.Context(), fleet.Report{Processes: []fleet.Status{
		{Process: "gone", Admin: "http://" + porttest.Free(t)},
		{Process: "lost", Admin: lost.URL},
		{Process: "tells", Admin: tells.URL},
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

func TestAReadinessThatIsNotTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		state fleet.State
		code  int
		body  string
		want  fleet.State
		why   []string
	}{
		"a process that drains is known to": {fleet.Draining, 503, `{"failed":[{"error":"x"}]}`, fleet.Draining, nil},
		"a program that has no such page":   {fleet.Ready, 404, "", fleet.Ready, nil},
		"a program that does not say why":   {fleet.Ready, 503, "later", notReady, []string{"it does not say why"}},
		"reasons in the order they come": {
			fleet.Ready, 503, `{"failed":[{"check":"a","error":"x"},{"error":"y"}]}`, notReady, []string{"a: x", "y"},
		},
		"a page that only looks as if it was": {fleet.Ready, 200, `{"failed":[{"error":"x"}]}`, fleet.Ready, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.code)
				_, _ = w.Write([]byte(test.body))
			}))
			defer admin.Close()
			one := fleet.Status{Process: "one", Admin: admin.URL, State: test.state}
			got := askAll(t.Context(), fleet.Report{Processes: []fleet.Status{one}}).Processes[0]
			if got.State != test.want || !slices.Equal(got.NotReady, test.why) {
				t.Errorf("%q, %q", got.State, got.NotReady)
			}
		})
	}
}
