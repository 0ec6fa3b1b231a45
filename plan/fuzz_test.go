package plan_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/kerf-go/kerf/plan"
)

// FuzzParse asks that any text gives a plan that can be written, or mistakes with
// something to say: no panic, nothing endless.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		_, after, _ := bytes.Cut(text, []byte("-- plan.yaml --\n"))
		seed, _, _ := bytes.Cut(after, []byte("\n-- "))
		f.Add(seed)
	}
	f.Add([]byte(everyKey))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := plan.Parse("plan.yaml", text, chirp())
		if err != nil {
			errs, ok := errors.AsType[plan.Errors](err)
			if !ok || p != nil {
				t.Fatalf("%T instead of Errors, plan %v", err, p)
			}
			for _, e := range errs {
				if e.What == "" || e.Hint == "" || e.File != "plan.yaml" || e.Line < 0 {
					t.Fatalf("an incomplete mistake: %+v", e)
				}
			}
			return
		}
		if err := errors.Join(p.Table(io.Discard), p.Mermaid(io.Discard), p.JSON(io.Discard)); err != nil {
			t.Fatal(err)
		}
		for _, s := range chirp().Services {
			if p.Home(s.Name) == "" {
				t.Fatalf("%s is nowhere, and nobody said so", s.Name)
			}
		}
		var into webConfig
		_ = p.DecodeConfig("web", &into)
	})
}
