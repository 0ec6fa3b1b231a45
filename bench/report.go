package main

import (
	_ "embed"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"text/template"
	"time"
)

// report is what is told of a run.
type report struct {
	Machine  machine
	Date     string
	Rounds   int
	Turn     time.Duration
	Payload  int
	Tables   []table
	Chains   []chainRow
	Verdicts []verdict
}

// table is one measurement, a row for each subject.
type table struct {
	Callers int
	Rows    []row
}

// chainRow is what policies cost on one link: each column has those of the one before, too, and the
// last has only what comes with them.
type chainRow struct {
	Link                               string
	Without, With                      float64 // µs of a call, median; all that there is
	Policies, Deadline, Replicas, Bare spread  // ns
}

// chainRows join the subjects of chains.
func chainRows(m measurement) []chainRow {
	var rows []chainRow
	for _, name := range m.names {
		link, ok := strings.CutSuffix(name, plain)
		if !ok {
			continue
		}
		most := name
		for _, more := range []string{bounded, bare, balanced} {
			if m.of(link+more) != nil {
				most = link + more
			}
		}
		rows = append(rows, chainRow{
			link, 1e6 / spreadOf(m.of(name)).median, 1e6 / spreadOf(m.of(most)).median,
			m.added(link+guarded, name), m.added(link+bounded, name), m.added(link+balanced, name),
			m.added(link+bare, name),
		})
	}
	return rows
}

type row struct {
	Name   string
	Rate   float64 // calls per second, median
	Ratio  spread  // to the oracle
	Micros float64 // of a call as its caller sees it
}

// verdict is a bar and what was reached.
type verdict struct {
	Bar     bar
	Reached spread
}

// Due is the ratio, or the nanoseconds, to reach.
func (v verdict) Due() float64 { return v.Bar.atLeast + v.Bar.mostAdded }

// Holds tells whether the bar was reached; the median counts.
func (v verdict) Holds() bool {
	if v.Bar.mostAdded > 0 {
		return v.Reached.median <= v.Bar.mostAdded
	}
	return v.Reached.median >= v.Bar.atLeast
}

func tableOf(m measurement) table {
	t := table{Callers: m.callers}
	for _, name := range m.names {
		rate := spreadOf(m.of(name)).median
		t.Rows = append(t.Rows, row{
			Name: name, Rate: rate, Ratio: m.ratio(name, oracle), Micros: float64(m.callers) / rate * 1e6,
		})
	}
	return t
}

// judge compares the bars with the measurements that they are about.
func judge(due []bar, all []measurement) []verdict {
	var verdicts []verdict
	for _, b := range due {
		for _, m := range all {
			if m.callers != b.callers || m.of(b.subject) == nil || m.of(b.peer) == nil {
				continue
			}
			reached := m.ratio(b.subject, b.peer)
			if b.mostAdded > 0 {
				reached = m.added(b.subject, b.peer)
			}
			verdicts = append(verdicts, verdict{b, reached})
		}
	}
	return verdicts
}

//go:embed report.md.tmpl
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"number": number,
	"whole":  whole,
	"spread": func(s spread) string { return fmt.Sprintf("%.2f (%.2f to %.2f)", s.median, s.p5, s.p95) },
}).Parse(page))

func whole(s spread) string {
	if math.IsNaN(s.median) {
		return "none"
	}
	return fmt.Sprintf("%.0f (%.0f to %.0f)", s.median, s.p5, s.p95)
}

// markdown writes the page for readers.
func (r report) markdown(w io.Writer) error { return pageTemplate.Execute(w, r) }

// print writes the same for a terminal.
func (r report) print(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, t := range r.Tables {
		fmt.Fprintf(w, "\n%d callers\tcalls/s\tµs\tto %s\tp5\tp95\n", t.Callers, oracle)
		for _, row := range t.Rows {
			fmt.Fprintf(w, "%s\t%s\t%s\t%.2f\t%.2f\t%.2f\n", row.Name, number(row.Rate), number(row.Micros),
				row.Ratio.median, row.Ratio.p5, row.Ratio.p95)
		}
	}
	if len(r.Chains) > 0 {
		fmt.Fprintf(w, "\nadded, ns\twithout, µs\twith, µs\tpolicies\tand deadline\tand two replicas\tbut no policy\n")
	}
	for _, c := range r.Chains {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Link, number(c.Without), number(c.With),
			whole(c.Policies), whole(c.Deadline), whole(c.Replicas), whole(c.Bare))
	}
	fmt.Fprintln(w)
	for _, v := range r.Verdicts {
		word := "ok"
		if !v.Holds() {
			word = "MISSED"
		}
		fmt.Fprintf(w, "%s\t%s\t%.2f of %.2f\n", word, v.Bar, v.Reached.median, v.Due())
	}
	w.Flush()
}

// number writes three digits, and all of a longer whole number, with commas.
func number(f float64) string {
	if f < 1000 {
		return fmt.Sprintf("%.3g", f)
	}
	digits := fmt.Sprintf("%.0f", f)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
