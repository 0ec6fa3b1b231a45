package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kerf-go/kerf/policy"
)

// deadlineKey is of a whole plan, its policies and its methods; drainKey of a whole plan; waitKey is of
// methods, of stores and of bulkheads.
const (
	deadlineKey = "deadline"
	drainKey    = "drain"
	waitKey     = "wait"
)

const retryPolicy, hedgePolicy, fallbackPolicy = "retry", "hedge", "fallback"

// policyOrder is the order in which a call meets its policies.
var policyOrder = []string{
	deadlineKey, fallbackPolicy, "bulkhead", "breaker", retryPolicy, hedgePolicy, balancePolicy, "idle", "rate",
	"admission",
}

// policyGroup is methods for which the same holds.
type policyGroup struct {
	Applied
	methods []string // in the plan's order
	callees []string // whose methods these all are, where it is the callee that has the policy
}

// policyGroups is what applies to the methods that somebody calls, in the order in which a
// call meets it.
func (p *Plan) policyGroups() []policyGroup {
	var groups []policyGroup
	for _, m := range p.called() {
		for _, a := range p.Applied(m.Method) {
			i := slices.IndexFunc(groups, func(g policyGroup) bool { return g.Applied == a })
			if i < 0 {
				i = len(groups)
				groups = append(groups, policyGroup{Applied: a})
			}
			groups[i].methods = append(groups[i].methods, m.Method)
		}
	}
	groups = append(groups, p.balanceGroups()...)
	slices.SortStableFunc(groups, func(a, b policyGroup) int {
		return slices.Index(policyOrder, a.Policy) - slices.Index(policyOrder, b.Policy)
	})
	return groups
}

// called gives a call of each method that somebody calls.
func (p *Plan) called() []Call {
	var calls []Call
	seen := map[string]bool{}
	for _, c := range p.Calls {
		if !seen[c.Method] {
			seen[c.Method] = true
			calls = append(calls, c)
		}
	}
	return calls
}

// policyRows show what applies where, and why.
func (p *Plan) policyRows() [][]string {
	groups := p.policyGroups()
	rows := make([][]string, 0, 1+len(groups))
	rows = append(rows, []string{"POLICY", "WHAT", "METHODS", "FROM"})
	last := ""
	for _, g := range groups {
		name := g.Policy
		if name == last {
			name = ""
		}
		last = g.Policy
		rows = append(rows, []string{name, g.What, p.which(g), g.origin()})
	}
	return append(rows,
		[]string{"panic", "the call fails, the process lives on", "all", "always"},
		[]string{drainKey, p.drainText(), "all", p.drainSaid.origin()})
}

// drainText is Drain for people and programs.
func (p *Plan) drainText() string {
	if p.Drain < 0 {
		return off
	}
	return p.Drain.String()
}

func (a Applied) origin() string {
	if a.From == "" {
		return "default"
	}
	return fmt.Sprintf("line %d: %s", a.At.Line, a.From)
}

// which tells the methods of a group: all that can have its policy, all of some services,
// a few names, or how many there are of each service.
func (p *Plan) which(g policyGroup) string { //nolint:gocognit // a row for each case
	const few = 3
	if g.callees != nil {
		return "all of " + strings.Join(g.callees, ", ")
	}
	var services []string
	able, has := map[string]int{}, map[string]int{} // methods, by service
	total, alike := 0, 0                            // methods; those that are idempotent, or are not, as the first is
	first := p.methods[g.methods[0]].settings
	for _, c := range p.called() {
		if !p.mayHave(c, g.Policy) {
			continue
		}
		total++
		able[c.To]++
		if p.methods[c.Method].settings.Idempotent == first.Idempotent {
			alike++
		}
		if slices.Contains(g.methods, c.Method) {
			if has[c.To]++; has[c.To] == 1 {
				services = append(services, c.To)
			}
		}
	}
	switch n := len(g.methods); {
	case n == total:
		return g.all()
	case g.Policy == retryPolicy && n == alike && g.What != off && first.Idempotent:
		return "all idempotent"
	case g.Policy == retryPolicy && n == alike && g.What != off:
		return "all not idempotent"
	}
	var whole, parts []string
	for _, s := range services {
		if has[s] == able[s] {
			whole = append(whole, s)
		} else {
			parts = append(parts, fmt.Sprintf("%d of %s", has[s], s))
		}
	}
	if n := len(g.methods); n == 1 || n <= few && len(parts) > 0 {
		return shortNames(g.methods)
	}
	if len(whole) > 0 {
		parts = append([]string{g.all() + " of " + strings.Join(whole, ", ")}, parts...)
	}
	return strings.Join(parts, "; ")
}

// all is "all", with what methods must be to have the policy.
func (g policyGroup) all() string {
	switch {
	case g.Policy == hedgePolicy:
		return "all idempotent"
	case g.Policy == fallbackPolicy && g.What == policy.Fallback{Last: true}.String():
		return "all without side effects"
	}
	return "all"
}

// mayHave tells whether a policy could be of a call's method. A stream has no deadline of
// which the plan does not speak.
func (p *Plan) mayHave(c Call, policy string) bool {
	if policy == deadlineKey && c.Kind != unary {
		return c.Deadline != 0
	}
	return !slices.Contains(p.methods[c.Method].without, policy)
}

func shortNames(methods []string) string {
	short := make([]string, 0, len(methods))
	for _, m := range methods {
		service, name, _ := strings.Cut(m, "/")
		short = append(short, service[strings.LastIndexByte(service, '.')+1:]+"/"+name)
	}
	return strings.Join(short, ", ")
}
