package compare_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/compare"
	"github.com/kerf-go/kerf/kit"
)

func app() kerf.App {
	return kerf.App{Name: "app", Services: []kerf.Service{{
		Name: "only", Serves: []*grpc.ServiceDesc{&healthv1.Health_ServiceDesc},
		New: func(_ context.Context, h *kerf.Host) error {
			healthv1.RegisterHealthServer(h, health.NewServer())
			return nil
		},
	}}}
}

// broken has nothing that could be measured.
func broken() compare.Workload {
	return compare.Workload{
		Plans: []string{"mistake.yaml"}, Folders: []string{"nowhere", "testdata"},
		Programs: []compare.Program{{Name: "by-hand", Command: func(context.Context, string) ([]string, error) {
			return nil, errors.New("no compiler")
		}}},
		Begin: func(context.Context, string, uint64) (compare.Crowd, error) { return nil, errors.New("nobody comes") },
	}
}

func run(t *testing.T, w compare.Workload, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := kit.Run(t.Context(), app(), append([]string{"compare"}, args...), &out, io.Discard, kit.Compare(w))
	return out.String(), err
}

func TestWhatFailsHasARowWithItsReason(t *testing.T) {
	t.Parallel()
	out, err := run(t, broken(), "--json")
	if err == nil || !strings.Contains(err.Error(), "by-hand: no compiler") ||
		!strings.Contains(err.Error(), "mistake: testdata/mistake.yaml:3") {
		t.Errorf("the error is %v", err)
	}
	var result compare.Result
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(result.Plans) != 2 || result.Plans[0].Name != "by-hand" || result.Plans[0].Error != "no compiler" ||
		result.Plans[1].Name != "mistake" || result.Plans[1].Error == "" {
		t.Errorf("the rows are %+v", result.Plans)
	}
	table, _ := run(t, broken())
	if strings.Count(table, "failed") != 12 {
		t.Errorf("the table hides what failed:\n%s", table)
	}
}

func TestOnlyWhatIsNamedIsCompared(t *testing.T) {
	t.Parallel()
	_, err := run(t, broken(), "by-hand")
	if err == nil || strings.Contains(err.Error(), "mistake") || !strings.Contains(err.Error(), "no compiler") {
		t.Errorf("got %v", err)
	}
	_, err = run(t, broken(), "elsewhere.yaml")
	if err == nil || strings.Contains(err.Error(), "no compiler") || !strings.Contains(err.Error(), "elsewhere.yaml") {
		t.Errorf("got %v", err)
	}
	_, err = run(t, broken(), "--seconds", "0")
	if err == nil || !strings.Contains(err.Error(), "--seconds 0: loads must last") {
		t.Errorf("got %v", err)
	}
	_, err = run(t, compare.Workload{Plans: []string{"mistake.yaml"}})
	if err == nil || !strings.Contains(err.Error(), "name the files of the plans") {
		t.Errorf("got %v", err)
	}
}

func TestTheTableGoesIntoAPage(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "page.md")
	const marked = "# Page\n<!-- begin of what compare writes -->\nold\n<!-- end of what compare writes -->\nrest\n"
	if err := os.WriteFile(page, []byte(marked), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _ = run(t, broken(), "--into", page, "by-hand")
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(got)
	if !strings.HasPrefix(text, "# Page\n") || !strings.HasSuffix(text, "\nrest\n") || strings.Contains(text, "old") ||
		!strings.Contains(text, "| by-hand | failed |") || !strings.Contains(text, "seed 1") {
		t.Errorf("the page is\n%s", text)
	}
	if err := os.WriteFile(page, []byte("no place"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = run(t, broken(), "--into", page, "by-hand")
	if err == nil || !strings.Contains(err.Error(), "has no place for the table") {
		t.Errorf("got %v", err)
	}
}
