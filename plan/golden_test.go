package plan_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/plan"
)

var update = flag.Bool("update", false, "write what came out into the golden files")

// section begins a part of a golden file: "-- NAME --" on a line of its own.
var section = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

// golden is a file of several parts: a comment, the plan, and what comes of it.
type golden struct {
	path  string
	names []string
	parts map[string]string
}

func readGolden(t *testing.T, path string) golden {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g := golden{path: path, parts: map[string]string{}}
	marks := section.FindAllSubmatchIndex(text, -1)
	g.parts[""] = string(text)
	for i, m := range marks {
		if i == 0 {
			g.parts[""] = string(text[:m[0]])
		}
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		name := string(text[m[2]:m[3]])
		g.names = append(g.names, name)
		g.parts[name] = string(text[m[1]:end])
	}
	if _, ok := g.parts["plan.yaml"]; !ok {
		t.Fatalf("%s has no part plan.yaml", path)
	}
	return g
}

// check compares a part with what came out, or writes it under -update.
func (g *golden) check(t *testing.T, name, got string) {
	t.Helper()
	if got != "" && !strings.HasSuffix(got, "\n") {
		got += "\n"
	}
	if !*update {
		if want := g.parts[name]; got != want {
			t.Errorf("%s, part %s:\n--- got\n%s--- want\n%s(go test ./plan -update writes it, if it is right)",
				g.path, name, got, want)
		}
		return
	}
	if _, ok := g.parts[name]; !ok {
		g.names = append(g.names, name)
	}
	g.parts[name] = got
	var out strings.Builder
	out.WriteString(g.parts[""])
	for _, n := range g.names {
		out.WriteString("-- " + n + " --\n" + g.parts[n])
	}
	if err := os.WriteFile(g.path, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// eachGolden runs test on each golden file of a folder of testdata.
func eachGolden(t *testing.T, folder string, test func(t *testing.T, g golden)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files in testdata/%s: %v", folder, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			test(t, readGolden(t, file))
		})
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	eachGolden(t, "mistakes", func(t *testing.T, g golden) {
		t.Helper()
		p, err := plan.Parse("plan.yaml", []byte(g.parts["plan.yaml"]), chirp())
		if err == nil {
			t.Fatalf("%s: no mistake was found; plan %+v", g.path, p)
		}
		g.check(t, "want", err.Error())
	})
}

func TestPlans(t *testing.T) {
	t.Parallel()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	eachGolden(t, "plans", func(t *testing.T, g golden) {
		t.Helper()
		p, err := plan.Parse("plan.yaml", []byte(g.parts["plan.yaml"]), chirp())
		if err != nil {
			t.Fatalf("%s: %v", g.path, err)
		}
		for name, write := range map[string]func(*bytes.Buffer) error{
			"table":   func(b *bytes.Buffer) error { return p.Table(b) },
			"mermaid": func(b *bytes.Buffer) error { return p.Mermaid(b) },
			"json":    func(b *bytes.Buffer) error { return p.JSON(b) },
		} {
			_, asked := g.parts[name]
			if !asked {
				continue
			}
			var out bytes.Buffer
			if err := write(&out); err != nil {
				t.Fatal(err)
			}
			g.check(t, name, strings.ReplaceAll(out.String(), filepath.ToSlash(here), "HERE"))
		}
	})
}
