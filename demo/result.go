package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Result is what a lesson has measured, and whether its claims have held.
type Result struct {
	Name    string   `json:"name"`
	Shows   string   `json:"shows"`
	Read    string   `json:"read"`
	Without bool     `json:"without,omitempty"` // what it is about was taken away
	Part    string   `json:"part,omitempty"`    // or this part of it
	Seconds float64  `json:"seconds"`           // it took
	Columns []string `json:"columns"`
	Figures []Figure `json:"figures"`
	Claims  []Claim  `json:"claims"`
	Holds   bool     `json:"holds"` // all claims
	Error   string   `json:"error,omitempty"`
}

// Figure is a line of numbers, one for each column.
type Figure struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit,omitempty"`
	Values []float64 `json:"values"`
}

// Claim is a statement about figures.
type Claim struct {
	Text  string `json:"text"`
	Holds bool   `json:"holds"`
}

// settle tells whether the lesson held: without a claim it shows nothing.
func (r *Result) settle() {
	r.Holds = r.Error == "" && len(r.Claims) > 0
	for _, c := range r.Claims {
		r.Holds = r.Holds && c.Holds
	}
}

// tell writes the figures, the claims and what to read.
func (r *Result) tell(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n\t%s\t\t\n", strings.ToUpper(strings.Join(r.Columns, "\t")))
	for _, f := range r.Figures {
		fmt.Fprintf(w, "  %s\t", f.Name)
		for _, v := range f.Values {
			fmt.Fprintf(w, "%s\t", cell(v))
		}
		fmt.Fprintf(w, "%s\t\n", f.Unit)
	}
	w.Flush()
	fmt.Fprintln(to)
	for _, c := range r.Claims {
		word := "holds"
		if !c.Holds {
			word = "FAILS"
		}
		fmt.Fprintf(to, "  %s  %s\n", word, c.Text)
	}
	fmt.Fprintf(to, "  read   %s\n\n", r.Read)
}

// cell gives three digits, which are enough.
func cell(v float64) string {
	if v >= 100 || v == float64(int64(v)) {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
