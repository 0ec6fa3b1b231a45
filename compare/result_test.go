package compare

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what came out into the golden file")

func TestTables(t *testing.T) {
	t.Parallel()
	r := Result{
		App: "app", Date: "2026-01-31", Machine: "A Processor, 2 cores, go1.26 linux/amd64",
		Seed: 1, Seconds: 4, Passes: 3,
		Plans: []Row{
			{
				Name: "by-hand", CapacityRPS: 1234.5, P50MS: 2.345, P99MS: 123.45, CPUPerRequestMS: 0.8765,
				RSSMB: 98.76, PostToScreenMS: 3,
			},
			{Name: "http", Error: "no"},
		},
	}
	var got strings.Builder
	if err := r.Table(&got); err != nil {
		t.Fatal(err)
	}
	got.WriteString("\n")
	r.Markdown(&got)
	const file = "testdata/tables.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s\n(go test ./compare -update writes it, if it is right)", got.String(), want)
	}
}

func TestTheMedianOfPassesCounts(t *testing.T) {
	t.Parallel()
	pass := func(n float64) Row {
		return Row{Name: "x", CapacityRPS: n, P50MS: 10 * n, RSSMB: 100 * n, Requests: 5, Failed: 1}
	}
	got := medians([]Row{pass(9), pass(1), pass(2)})
	if want := (Row{Name: "x", CapacityRPS: 2, P50MS: 20, RSSMB: 200, Requests: 15, Failed: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := medians([]Row{pass(1), {Name: "x", Error: "no"}}); got.Error != "no" || got.CapacityRPS > 0 {
		t.Errorf("a pass that failed is hidden: %+v", got)
	}
}
