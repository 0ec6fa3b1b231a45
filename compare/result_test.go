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
		App: "app", Date: "2026-01-31", Machine: "A Processor, 2 cores, go1.26 linux/amd64", Seed: 1, Seconds: 4,
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
