package linktest

import (
	_ "embed" // for the table
	"fmt"
	"strings"
)

// casesTable says how many cases each link runs, so that none is declared away.
//
//go:embed testdata/cases.txt
var casesTable string

// checkCounts compares what a link ran with the table.
func checkCounts(name string, full, refused int) error {
	got := fmt.Sprintf("%s %d %d", name, full, refused)
	for line := range strings.Lines(casesTable) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, name+" ") {
			continue
		}
		if line != got {
			return fmt.Errorf("link, cases and refused cases are %q, in testdata/cases.txt %q", got, line)
		}
		return nil
	}
	return fmt.Errorf("testdata/cases.txt has no line for this link: add %q", got)
}
