package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// wiring are the files that the move changes.
var wiring = []string{"server.go", "client.go"}

func lines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// diff gives the lines that leave and come, in order, by the longest common part.
func diff(before, after []string) []string {
	longest := make([][]int, len(before)+1)
	for i := range longest {
		longest[i] = make([]int, len(after)+1)
	}
	for i := range slices.Backward(before) {
		for j := range slices.Backward(after) {
			longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			if before[i] == after[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			}
		}
	}
	var changed []string
	for i, j := 0, 0; i < len(before) || j < len(after); {
		switch {
		case i < len(before) && j < len(after) && before[i] == after[j]:
			i, j = i+1, j+1
		case j == len(after) || i < len(before) && longest[i+1][j] >= longest[i][j+1]:
			changed = append(changed, "-"+before[i])
			i++
		default:
			changed = append(changed, "+"+after[j])
			j++
		}
	}
	return changed
}

// besidesImports leaves out the block of imports.
func besidesImports(t *testing.T, lines []string) []string {
	t.Helper()
	begin := slices.Index(lines, "import (")
	end := slices.Index(lines, ")")
	if begin < 0 || end < begin {
		t.Fatalf("no block of imports in\n%s", strings.Join(lines, "\n"))
	}
	return slices.Concat(lines[:begin], lines[end+1:])
}

func TestTheMoveChangesAtMostTenLinesBesidesImports(t *testing.T) {
	t.Parallel()
	const most = 10
	var all []string
	for _, file := range wiring {
		before, after := lines(t, "before/"+file), lines(t, file)
		if changed := diff(before, after); len(changed) > most {
			t.Errorf("%s changes by %d lines, imports counted, and one file by %d at most:\n%s",
				file, len(changed), most, strings.Join(changed, "\n"))
		}
		changed := diff(besidesImports(t, before), besidesImports(t, after))
		if len(changed) == 0 {
			t.Errorf("%s does not change", file)
		}
		all = append(all, changed...)
	}
	if len(all) > most {
		t.Errorf("%d lines besides imports change, at most %d:\n%s", len(all), most, strings.Join(all, "\n"))
	}
}

func TestTheRestStaysAsItIs(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{".", "before"} {
		files, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			program := strings.HasSuffix(f.Name(), ".go") && !strings.HasSuffix(f.Name(), "_test.go")
			if program && f.Name() != "main.go" && !slices.Contains(wiring, f.Name()) {
				t.Errorf("%s/%s is new, and not counted", folder, f.Name())
			}
		}
	}
	comment := func(line string) bool { return strings.HasPrefix(line, "//") }
	before := slices.DeleteFunc(lines(t, "before/main.go"), comment)
	after := slices.DeleteFunc(lines(t, "main.go"), comment)
	if changed := diff(before, after); len(changed) > 0 {
		t.Errorf("main.go changes:\n%s", strings.Join(changed, "\n"))
	}
}

// page shows the move to readers.
const page = "../../docs/bring-your-own.md"

func TestThePageShowsTheMove(t *testing.T) {
	t.Parallel()
	var shown []string
	inside := false
	for _, line := range lines(t, page) {
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```diff"
		case inside && (strings.HasPrefix(line, "-") || strings.HasPrefix(line, "+")):
			shown = append(shown, line)
		}
	}
	want := append(diff(lines(t, "before/server.go"), lines(t, "server.go")),
		diff(lines(t, "before/client.go"), lines(t, "client.go"))...)
	if !slices.Equal(shown, want) {
		t.Errorf("%s shows\n%s\nbut the move is\n%s", page, strings.Join(shown, "\n"), strings.Join(want, "\n"))
	}
}
