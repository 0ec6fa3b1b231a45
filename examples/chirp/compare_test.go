package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPlansAreCompared carries the command out as a reader would, for a short time. It measures, so that no other
// test of the package runs meanwhile.
func TestPlansAreCompared(t *testing.T) { //nolint:paralleltest // see above
	program := filepath.Join(t.TempDir(), "chirp.exe") // other systems do not mind the name
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var out, progress bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, "compare", "--seconds", "1", "--json", "by-hand", together, apart)
	cmd.Stdout, cmd.Stderr = &out, &progress
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	var result struct {
		Plans []map[string]any `json:"plans"`
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	names := []string{"by-hand", "monolith", "http"}
	if len(result.Plans) != len(names) {
		t.Fatalf("the rows are %v, want %v", result.Plans, names)
	}
	for i, row := range result.Plans {
		if row["name"] != names[i] {
			t.Errorf("row %d is %v, want %s", i, row["name"], names[i])
		}
		// Bounds that any machine keeps to.
		for key, most := range map[string]float64{
			"capacity_rps": 1e6, "p50_ms": 5e3, "p99_ms": 2e4, "cpu_ms_per_request": 1e3, "rss_mb": 1e4,
			"post_to_screen_ms": 5e3,
		} {
			if value, _ := row[key].(float64); value <= 0 || value > most {
				t.Errorf("%s: %s is %v", names[i], key, row[key])
			}
		}
		if p50, p99 := row["p50_ms"].(float64), row["p99_ms"].(float64); p50 > p99 {
			t.Errorf("%s: the median %v is above the 99th percentile %v", names[i], p50, p99)
		}
	}
	if memory := func(i int) float64 { return result.Plans[i]["rss_mb"].(float64) }; memory(2) < memory(1) {
		t.Errorf("five processes use less memory than one: %v and %v MB", memory(2), memory(1))
	}
	if !bytes.Contains(progress.Bytes(), []byte("3/3 http: at half speed")) {
		t.Errorf("the progress is\n%s", &progress)
	}
}
