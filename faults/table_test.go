//go:build unix

package faults_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

const introduction = `# What breaks, and what callers see

This page is made by a test: ` + "`go test ./faults`" + ` breaks calls on every link from outside, and fails if what it
sees is not what stands here; with ` + "`-update`" + ` it writes the page.

A service has two replicas, real processes, and one of them suffers. Both run calls when the fault begins, and further
calls are made as long as it lasts. Each table tells, for all of these calls together, with which codes they ended and
after what time at most:

| column | what is called |
| --- | --- |
| may be repeated | a method marked NO_SIDE_EFFECTS, under the default policies (deadline 5 s) |
| each attempt bounded | the same, under ` + "`policies: {target: {retry: {timeout: 1s}}}`" + ` |
| must not be repeated | a method that is not marked, under the default policies |
| stream | one that was open at the replica that suffers |
| ran twice | what must not be repeated, by what handlers have written down as they began |
| works again | calls of all sorts succeed and both replicas answer: nobody has restarted the caller |

`

const heading = `
| link | may be repeated | each attempt bounded | must not be repeated | stream | ran twice | works again |
| --- | --- | --- | --- | --- | --- | --- |
`

// document is the whole page; complete: no row was missing.
func document(rows map[string]string) (text string, complete bool) {
	var page strings.Builder
	page.WriteString(introduction)
	complete = true
	for i, x := range faults() {
		if i > 0 {
			page.WriteString("\n")
		}
		fmt.Fprintf(&page, "## %s\n\n%s\n", x.name, wrap(x.what))
		page.WriteString(heading)
		for _, scheme := range links {
			row := rows[x.name+scheme]
			if why := x.senseless[scheme]; why != "" {
				row = fmt.Sprintf("| `%s` | – %s | – | – | – | – | – |", scheme, why)
			}
			complete = complete && row != ""
			page.WriteString(row + "\n")
		}
		page.WriteString(x.note())
	}
	return page.String(), complete
}

// missing are the rows that a page does not have in the tables of their faults.
func missing(page string, rows map[string]string) (all []string) {
	for _, x := range faults() {
		_, part, _ := strings.Cut(page, "## "+x.name+"\n")
		part, _, _ = strings.Cut(part, "\n## ")
		for _, scheme := range links {
			if row := rows[x.name+scheme]; !strings.Contains(part, row) {
				all = append(all, x.name+": "+row)
			}
		}
	}
	return all
}

func TestARowIsLookedForInTheTableOfItsFault(t *testing.T) {
	t.Parallel()
	first, second := faults()[0].name, faults()[1].name
	const row = "| `tcp` | OK |"
	page, _ := document(map[string]string{second + "tcp": row})
	if got := missing(page, map[string]string{second + "tcp": row}); got != nil {
		t.Errorf("%q is there", got)
	}
	if got := missing(page, map[string]string{first + "tcp": row}); len(got) != 1 {
		t.Errorf("%q is not there", row)
	}
}

// row is a line of the table.
func (x fault) row(scheme string, seen cell) string {
	const others = 3
	columns := append(make([]string, 0, int(kindsInAll)+others), "`"+scheme+"`")
	for k := range kindsInAll {
		columns = append(columns, x.column(scheme, k, seen.codes[k]))
	}
	twice := "never"
	if seen.twice {
		twice = "**yes**"
	}
	columns = append(columns, twice, "within "+seconds(x.back))
	return "| " + strings.Join(columns, " | ") + " |"
}

func (x fault) column(scheme string, k kind, seen []codes.Code) string {
	if len(seen) == 0 {
		return "– " + noStreams
	}
	if slices.Equal(seen, []codes.Code{goesOn}) {
		return "goes on"
	}
	var names []string
	for _, c := range seen {
		if c == goesOn {
			names = append(names, "goes on")
			continue
		}
		names = append(names, c.String())
	}
	return strings.Join(names, " or ") + " within " + seconds(x.most(scheme, k))
}

// note tells what the table has no column for.
func (x fault) note() string {
	if x.away == 0 {
		return ""
	}
	return "\n" + wrap("What is called while it lasts ends with Unavailable within "+seconds(x.away)+".")
}

// wrap breaks a paragraph into lines.
func wrap(text string) string {
	const width = 120
	var lines, line string
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = lines+line+"\n", ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return lines + line + "\n"
}

func seconds(d time.Duration) string { return fmt.Sprintf("%g s", d.Seconds()) }
