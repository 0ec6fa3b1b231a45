package plan

import (
	"fmt"
	"io"
	"path"
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
		{"app", p.App}, {"plan", p.File}, {"broker", hidden(p.Broker)}, {"admin", p.Admin},
	}
	head = slices.Insert(head, 2, p.storeRows()...) //nolint:mnd // before the broker
	writeColumns(&out, slices.DeleteFunc(head, func(line []string) bool { return line[1] == "" }))
	out.WriteString("\n")
	writeColumns(&out, withoutEmpty(p.processRows()))
	if len(p.Calls) > 0 {
		out.WriteString("\n")
		writeColumns(&out, p.callRows())
		out.WriteString("\n")
		writeColumns(&out, p.policyRows())
	}
	if len(p.upstreams) > 0 {
		out.WriteString("\n")
		writeColumns(&out, p.upstreamRows())
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
	methods []string
}

// groups joins neighbours that same finds alike.
func (p *Plan) groups(same func(a, b Call) bool) []callGroup {
	var all []callGroup
next:
	for _, c := range p.Calls {
		for i := range all {
			if same(all[i].Call, c) {
				all[i].methods = append(all[i].methods, c.Method)
				continue next
			}
		}
		all = append(all, callGroup{c, []string{c.Method}})
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
		names := g.names()
		rows = append(rows, []string{
			caller, arrow, g.To, names[0], g.linkText(), g.Wait.String(), deadlineText(g.Deadline),
		})
		for _, more := range names[1:] {
			rows = append(rows, []string{"", "", "", more, "", "", ""})
		}
	}
	return rows
}

// names are the names of the methods, in lines; of streams they tell the kind, and where
// they are of several gRPC services, of which one.
func (g callGroup) names() []string {
	const width = 48 // of a line, which has six more columns
	several := slices.ContainsFunc(g.methods, func(m string) bool { return path.Dir(m) != path.Dir(g.Method) })
	lines := []string{""}
	for i, method := range g.methods {
		word := path.Base(method)
		if several {
			word = method[strings.LastIndex(method, ".")+1:]
		}
		if g.Kind != unary {
			word += " (" + g.Kind + ")"
		}
		if i < len(g.methods)-1 {
			word += ","
		}
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
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
