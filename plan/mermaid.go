package plan

import (
	"fmt"
	"io"
	"strings"

	"github.com/kerf-go/kerf/link"
)

// Mermaid writes the call graph as a Mermaid flowchart: a box for each process,
// an arrow for each link and wait between two services. The error is that of w.
func (p *Plan) Mermaid(w io.Writer) error {
	var out strings.Builder
	out.WriteString("flowchart LR\n")
	for _, q := range p.Processes {
		fmt.Fprintf(&out, "  subgraph %s[\"%s\"]\n", nodeID("process", q.Name), q.title())
		for _, s := range q.Services {
			fmt.Fprintf(&out, "    %s[\"%s\"]\n", nodeID("service", s), s)
		}
		out.WriteString("  end\n")
	}
	for _, g := range p.groups(func(a, b Call) bool {
		return a.From == b.From && a.To == b.To && a.Link == b.Link && a.Wait == b.Wait
	}) {
		arrow := "-->"
		if g.FromProcess == g.ToProcess {
			arrow = "-.->"
		}
		label := g.Link
		if g.Wait != link.Reply {
			label += ", " + g.Wait.String()
		}
		fmt.Fprintf(&out, "  %s %s|%s| %s\n", nodeID("service", g.From), arrow, label, nodeID("service", g.To))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// nodeID makes a name that Mermaid cannot take for a word or an arrow of its own.
func nodeID(sort, name string) string {
	return sort + "_" + strings.ReplaceAll(name, "-", "_")
}

func (q Process) title() string {
	title := q.Name
	if q.Replicas > 1 {
		title += fmt.Sprintf(" ×%d", q.Replicas)
	}
	if q.Web != "" {
		title += " · web " + q.Web
	}
	if q.Command != nil {
		title += " · " + strings.ReplaceAll(q.commandLine(), `"`, "'")
	}
	return title
}
