package plan

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// Table writes the processes and the call graph for people. Configuration and
// passwords do not show. The error is that of w.
func (p *Plan) Table(w io.Writer) error {
	var out strings.Builder
	head := [][]string{
		{"app", p.App}, {"plan", p.File}, {"store", hidden(p.Store)}, {"broker", hidden(p.Broker)}, {"admin", p.Admin},
	}
	writeColumns(&out, slices.DeleteFunc(head, func(line []string) bool { return line[1] == "" }))
	out.WriteString("\n")
	writeColumns(&out, withoutEmpty(p.processRows()))
	if len(p.Calls) > 0 {
		out.WriteString("\n")
		writeColumns(&out, p.callRows())
	}
	for _, warning := range p.Warnings {
		fmt.Fprintf(&out, "\nwarning: %v\n", warning)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// writeColumns aligns rows, and leaves no spaces at the ends of lines.
func writeColumns(out *strings.Builder, rows [][]string) {
	var table strings.Builder
	tw := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	tw.Flush()
	for line := range strings.Lines(table.String()) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

func (p *Plan) processRows() [][]string {
	rows := [][]string{{"PROCESS", "REPLICAS", "SERVICES", "LINK", "LISTEN", "REACH", "WEB", "COMMAND"}}
	for _, q := range p.Processes {
		reach := ""
		if q.Reach != q.Listen {
			reach = q.Reach
		}
		replicas := ""
		if q.Replicas > 1 {
			replicas = strconv.Itoa(q.Replicas)
		}
		rows = append(rows, []string{
			q.Name, replicas, strings.Join(q.Services, ", "), q.Link, q.Listen, reach, q.Web, q.commandLine(),
		})
		for _, l := range q.More {
			rows = append(rows, []string{"", "", "", l.Link, l.Listen, "", "", ""})
		}
	}
	return rows
}

// commandLine is the command for people: a word that is not plain is quoted.
func (q Process) commandLine() string {
	words := slices.Clone(q.Command)
	for i, word := range words {
		if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
			words[i] = strconv.Quote(word)
		}
	}
	return strings.Join(words, " ")
}

// withoutEmpty drops the columns that hold nothing below their heading.
func withoutEmpty(rows [][]string) [][]string {
	for i := range slices.Backward(rows[0]) {
		if slices.ContainsFunc(rows[1:], func(row []string) bool { return row[i] != "" }) {
			continue
		}
		for j := range rows {
			rows[j] = slices.Delete(rows[j], i, i+1)
		}
	}
	return rows
}

// callGroup is calls that a table or a picture shows as one.
type callGroup struct {
	Call
	count int
}

// groups joins neighbours that same finds alike.
func (p *Plan) groups(same func(a, b Call) bool) []callGroup {
	var all []callGroup
next:
	for _, c := range p.Calls {
		for i := range all {
			if same(all[i].Call, c) {
				all[i].count++
				continue next
			}
		}
		all = append(all, callGroup{c, 1})
	}
	return all
}

func (p *Plan) callRows() [][]string {
	groups := p.groups(func(a, b Call) bool {
		a.Method = b.Method
		return a == b
	})
	rows := make([][]string, 0, len(groups)+1)
	rows = append(rows, []string{"CALLER", "", "CALLEE", "METHODS", "LINK", "WAIT", "DEADLINE"})
	last := ""
	for _, g := range groups {
		caller, arrow := g.From, "->"
		if pair := g.From + " " + g.To; pair == last {
			caller, arrow, g.To = "", "", ""
		} else {
			last = pair
		}
		rows = append(rows, []string{
			caller, arrow, g.To, g.methods(), g.linkText(), g.Wait.String(), deadlineText(g.Deadline),
		})
	}
	return rows
}

// methods names a single method, and counts several.
func (g callGroup) methods() string {
	if g.count == 1 {
		_, name, _ := strings.Cut(g.Method, "/")
		return fmt.Sprintf("%s (%s)", name, g.Kind)
	}
	return fmt.Sprintf("%d %s", g.count, g.Kind)
}

func (g callGroup) linkText() string {
	if g.Shared {
		return g.Link + ", shared"
	}
	return g.Link
}

func deadlineText(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return d.String()
}
