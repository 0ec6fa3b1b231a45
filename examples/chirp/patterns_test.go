package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/plan"
)

// planLines are the blocks of plan lines in a page.
var planLines = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// apartFromEachOther is what a block leaves out that does not say it.
const apartFromEachOther = `
processes:
  web: {services: [web], web: 127.0.0.1:8080}
  accounts: {services: [accounts]}
  messages: {services: [messages]}
  follows: {services: [follows]}
  notify: {services: [notify]}
`

func TestPlanLinesOfPatternsAreRight(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/patterns/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages, %v", err)
	}
	paying := app()
	for i := range paying.Services {
		if paying.Services[i].Name == "web" {
			paying.Services[i].Upstreams = []string{"payments"} // as the page of HTTP upstreams has it
		}
	}
	model := kit.Batteries().Model(paying)
	blocks := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range planLines.FindAllStringSubmatch(string(text), -1) {
			blocks++
			whole := block[1]
			if strings.Contains(whole, "processes:") && !strings.Contains(whole, "web:") {
				continue // a part of them, of which the pages of processes tell
			}
			if !strings.Contains(whole, "processes:") {
				whole += apartFromEachOther
			}
			for _, line := range []string{"link: tcp", "app: chirp", "version: 1"} {
				if key, _, _ := strings.Cut(line, " "); !strings.Contains("\n"+whole, "\n"+key) {
					whole = line + "\n" + whole
				}
			}
			if _, err := plan.Parse(filepath.Base(page), []byte(whole), model); err != nil {
				t.Errorf("%v\n%s", err, whole)
			}
		}
	}
	if blocks == 0 {
		t.Error("no page has plan lines")
	}
}

// linked are the pages and files that the README and the pages of patterns name.
var linked = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

func TestPagesOfPatternsLeadSomewhere(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/patterns/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../../README.md", "../../docs/faults.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range linked.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}
