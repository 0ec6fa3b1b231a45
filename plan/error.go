package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is a place in a plan file. Line and Column count from 1; 0 means the
// file as a whole.
type Position struct {
	File         string
	Line, Column int
}

// String gives file:line:column, as compilers do.
func (p Position) String() string {
	file := p.File
	if file == "" {
		file = "plan"
	}
	if p.Line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d:%d", file, p.Line, p.Column)
}

// Error is one mistake in a plan.
type Error struct {
	Position
	What string // what is wrong
	Hint string // what would be right
}

var _ error = Error{}

// Error gives "file:line:column: what; hint".
func (e Error) Error() string {
	if e.Hint == "" {
		return fmt.Sprintf("%s: %s", e.Position, e.What)
	}
	return fmt.Sprintf("%s: %s; %s", e.Position, e.What, e.Hint)
}

// Errors are all mistakes of a plan in the order of the file, at most 100 of them.
type Errors []Error

var _ error = Errors(nil)

// Error gives one mistake on each line.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each Error to errors.As.
func (es Errors) Unwrap() []error {
	all := make([]error, len(es))
	for i, e := range es {
		all[i] = e
	}
	return all
}

// maxErrors is more than anybody reads at once, and bounds the work on a hostile file.
const maxErrors = 100

// mistakes gathers Errors while a plan is read.
type mistakes struct{ all Errors }

func (m *mistakes) add(at Position, what, hint string) {
	if e := (Error{at, what, hint}); len(m.all) < maxErrors && !slices.Contains(m.all, e) {
		m.all = append(m.all, e)
	}
}

// err gives what was gathered in the order of the file, or nil.
func (m *mistakes) err() error {
	if len(m.all) == 0 {
		return nil
	}
	slices.SortStableFunc(m.all, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return m.all
}
