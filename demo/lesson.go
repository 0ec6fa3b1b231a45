package demo

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kerf-go/kerf"
)

// Lesson is something to learn in about a minute.
type Lesson struct {
	Name  string // what the command line calls it
	Shows string // in one line
	Read  string // the page that explains it
	Plan  string // the text of a plan file
	Run   func(ctx context.Context, s *Stage) error
	// App gives the app as the processes that Stage.Processes starts have it: with the lesson's faults.
	// bare tells that the lesson is to do without what it is about. nil: as it is.
	App func(app kerf.App, bare bool) kerf.App
}

var withoutMark = regexp.MustCompile(`(?m)^( *).*# without( [a-z]+)?: *(.*)$`)

// Without is the plan without what the lesson is about, or without one part of it alone: the
// lines that are marked with its name. Empty: all parts.
func (l Lesson) Without(part string) string {
	return withoutMark.ReplaceAllStringFunc(l.Plan, func(line string) string {
		m := withoutMark.FindStringSubmatch(line)
		if part != "" && strings.TrimSpace(m[2]) != part {
			return line
		}
		return m[1] + m[3]
	})
}

// Parts are the names of what the lesson is about, where that is several things.
func (l Lesson) Parts() []string {
	var parts []string
	for _, m := range withoutMark.FindAllStringSubmatch(l.Plan, -1) {
		if part := strings.TrimSpace(m[2]); part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return parts
}

// check refuses a part that the lesson does not have.
func (l Lesson) check(part string) error {
	switch parts := l.Parts(); {
	case part == "" || slices.Contains(parts, part):
		return nil
	case len(parts) == 0:
		return fmt.Errorf("lesson %s is about one thing: write --without", l.Name)
	default:
		return fmt.Errorf("lesson %s has no part %q: write --without, or --without=PART with one of %s",
			l.Name, part, strings.Join(parts, ", "))
	}
}

// bareness is whether a lesson is to do without what it is about, or without a part of that.
type bareness struct {
	bare bool
	part string // empty: all
}

// parse reads the flag --without: "true" is what stands for no value.
func (b *bareness) parse(value string) error {
	*b = bareness{bare: value != "false", part: value}
	if value == "true" || value == "false" {
		b.part = ""
	}
	return nil
}
