package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/kerf-go/kerf/compare"
	"github.com/kerf-go/kerf/examples/chirp/crowd"
)

// workload is what "chirp compare" does to each plan, and to Chirp wired by hand.
func workload() compare.Workload {
	return compare.Workload{
		Plans: []string{
			"monolith.yaml", "http.yaml", "grpc.yaml", "queue.yaml", "sockets.yaml", "mixed.yaml", "polyglot.yaml",
		},
		Folders:  []string{"examples/chirp/plans", "plans"},
		Programs: []compare.Program{{Name: "by-hand", Command: buildMonolith}},
		Begin:    crowd.Begin,
	}
}

func buildMonolith(ctx context.Context, dir string) ([]string, error) {
	program := filepath.Join(dir, "monolith.exe") // other systems do not mind the name
	const source = "github.com/kerf-go/kerf/examples/chirp/monolith"
	build := exec.CommandContext(ctx, "go", "build", "-o", program, source) //nolint:gosec // into a folder of ours
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build examples/chirp/monolith: %w: %s; run this in Kerf's repository", err, out)
	}
	return []string{program}, nil
}
