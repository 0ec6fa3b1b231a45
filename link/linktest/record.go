package linktest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// A record is what one side saw in one case. Notes under one heading keep their
// order; headings are independent, so that handlers and callers need no order
// between them.
type record struct {
	mu       sync.Mutex // guards the fields below
	notes    map[string][]string
	failures []string
}

func newRecord() *record { return &record{notes: make(map[string][]string)} }

func (r *record) note(heading, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes[heading] = append(r.notes[heading], text)
}

func (r *record) fail(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, text)
}

// snapshot is safe to read while a hung case goes on noting.
func (r *record) snapshot() *record {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &record{notes: make(map[string][]string, len(r.notes)), failures: slices.Clone(r.failures)}
	for heading, lines := range r.notes {
		s.notes[heading] = slices.Clone(lines)
	}
	return s
}

// differences tells how the record departs from what was wanted. Both must be
// snapshots. A failure on either side is a difference.
func (r *record) differences(want *record) []string {
	var found []string
	for _, f := range want.failures {
		found = append(found, "oracle: "+f)
	}
	found = append(found, r.failures...)
	headings := slices.Collect(maps.Keys(want.notes))
	for heading := range r.notes {
		if _, both := want.notes[heading]; !both {
			headings = append(headings, heading)
		}
	}
	slices.Sort(headings)
	for _, heading := range headings {
		if d := difference(r.notes[heading], want.notes[heading]); d != "" {
			found = append(found, heading+": "+d)
		}
	}
	return found
}

// difference names the first note that differs, and the number of notes.
func difference(got, want []string) string {
	if slices.Equal(got, want) {
		return ""
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("note %d of %d (got %d):\n got  %s\n want %s", i+1, len(want), len(got), got[i], want[i])
		}
	}
	return fmt.Sprintf("%d notes instead of %d:\n got  %s\n want %s",
		len(got), len(want), shorten(strings.Join(got, " | ")), shorten(strings.Join(want, " | ")))
}
