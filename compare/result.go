package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
)

// Result is what the command tells.
type Result struct {
	App     string  `json:"app"`
	Date    string  `json:"date"`
	Machine string  `json:"machine"`
	Seed    uint64  `json:"seed"`
	Seconds float64 `json:"seconds"` // of each load
	Passes  int     `json:"passes"`  // of which each number is the median
	Plans   []Row   `json:"plans"`
}

// JSON writes the whole result.
func (r Result) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// column is a number of a row.
type column struct {
	name, unit string
	value      func(Row) float64
}

// columns are the same for people and for pages.
var columns = []column{
	{"capacity", "requests/s", func(r Row) float64 { return r.CapacityRPS }},
	{"p50", "ms", func(r Row) float64 { return r.P50MS }},
	{"p99", "ms", func(r Row) float64 { return r.P99MS }},
	{"CPU", "ms/request", func(r Row) float64 { return r.CPUPerRequestMS }},
	{"memory", "MB", func(r Row) float64 { return r.RSSMB }},
	{"post to screen", "ms", func(r Row) float64 { return r.PostToScreenMS }},
}

// Table writes the numbers for a terminal.
func (r Result) Table(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight) //nolint:mnd // two spaces between columns
	for _, line := range r.lines("",
		func(c column) string { return strings.ToUpper(c.name) }, func(c column) string { return c.unit }) {
		fmt.Fprintln(w, strings.Join(line, "\t")+"\t")
	}
	return w.Flush()
}

// Markdown writes them for a page.
func (r Result) Markdown(w io.Writer) {
	fmt.Fprintf(w, "Measured on %s with %s; seed %d, %.3g s for each load, median of %d.\n\n",
		r.Date, r.Machine, r.Seed, r.Seconds, r.Passes)
	for _, line := range r.lines("---",
		func(c column) string { return c.name + ", " + c.unit }, func(column) string { return "---:" }) {
		fmt.Fprintln(w, "| "+strings.Join(line, " | ")+" |")
	}
}

// lines are two of a heading, of which the second begins with corner, and one for
// each row.
func (r Result) lines(corner string, heading, second func(column) string) [][]string {
	lines := append(make([][]string, 0, 2+len(r.Plans)), line("", heading), line(corner, second))
	for _, row := range r.Plans {
		lines = append(lines, line(row.Name, func(c column) string { return cell(row, c.value) }))
	}
	return lines
}

func line(first string, cell func(column) string) []string {
	cells := append(make([]string, 0, 1+len(columns)), first)
	for _, c := range columns {
		cells = append(cells, cell(c))
	}
	return cells
}

func cell(row Row, value func(Row) float64) string {
	if row.Error != "" {
		return "failed"
	}
	v := value(row)
	if v >= 100 { //nolint:mnd // three digits are enough
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// Marks in a page, between which the command writes its table.
const (
	beginMark = "<!-- begin of what compare writes -->\n"
	endMark   = "<!-- end of what compare writes -->\n"
)

// into puts the table into a page.
func (r Result) into(file string) error {
	text, err := os.ReadFile(file) //nolint:gosec // whoever runs the command names it
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), beginMark)
	_, after, ended := strings.Cut(rest, endMark)
	if !found || !ended {
		return fmt.Errorf("%s has no place for the table: write the lines %q and %q where it belongs",
			file, strings.TrimSpace(beginMark), strings.TrimSpace(endMark))
	}
	var page strings.Builder
	page.WriteString(before + beginMark + "\n")
	r.Markdown(&page)
	page.WriteString("\n" + endMark + after)
	return os.WriteFile(file, []byte(page.String()), 0o644) //nolint:gosec // a page for everybody
}
