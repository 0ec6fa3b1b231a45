package plan

import (
	"fmt"
	"slices"

	"github.com/kerf-go/kerf/balance"
)

const balancePolicy = "balance"

// balanced is how callers of a service choose among its replicas, and why it is so.
type balanced struct {
	options balance.Options
	applied Applied
	methods []string // that are called where there are several replicas to choose from
}

// checkBalance refuses it where it is asked for single methods.
func (r *resolver) checkBalance(e policyEntry) {
	if !e.said.balance.set() || !e.ofMethods() {
		return
	}
	owner := "the service"
	for _, s := range r.model.Services {
		if slices.ContainsFunc(s.Methods, func(m Method) bool { return matches(e.pattern.v, m.Name) }) {
			owner = s.Name
			break
		}
	}
	r.add(e.said.balance.at, "balance is about the replicas of a service, and "+quote(e.pattern.v)+" names methods",
		"write it under "+owner+`, or "*"`)
}

// settleBalance gives each service the most specific balance that is said, whole, or else
// the default, once all calls are known.
func (r *resolver) settleBalance() {
	for _, s := range r.model.Services {
		r.plan.balances[s.Name] = r.balanceOf(s.Name)
	}
	for _, c := range r.plan.Calls {
		if c.FromProcess == c.ToProcess || r.homes[c.To].Replicas < 2 {
			continue
		}
		b := r.plan.balances[c.To]
		if !slices.Contains(b.methods, c.Method) {
			b.methods = append(b.methods, c.Method)
		}
		r.plan.balances[c.To] = b
	}
}

// warnOfBalance warns of a balance for services of which no caller has several replicas to choose from.
func (r *resolver) warnOfBalance() {
	for _, e := range r.policies {
		if e.said.balance.v == nil || r.strangers || len(r.leftOut(e)) > 0 {
			continue
		}
		chosen := false
		for service, b := range r.plan.balances {
			chosen = chosen || len(b.methods) > 0 && (e.rank == rankAll || e.pattern.v == service)
		}
		if !chosen {
			r.warn(e.said.balance.at,
				fmt.Sprintf("balance of %s does nothing: no call goes to one of several replicas", e.pattern.v),
				"leave it out, or write replicas for a process")
		}
	}
}

func (r *resolver) balanceOf(service string) balanced {
	for _, e := range r.policies {
		said, from := e.said.balance, e.pattern.v
		if !said.set() || e.rank != rankAll && from != service {
			continue
		}
		if said.v == nil {
			return balanced{options: balance.Off(), applied: Applied{balancePolicy, off, from, said.at}}
		}
		return balanced{options: *said.v, applied: Applied{balancePolicy, said.v.String(), from, said.at}}
	}
	return balanced{applied: Applied{balancePolicy, balance.Options{}.String(), "", Position{}}}
}

// Balance tells how callers of a service choose among its replicas. Of one that the app
// does not have it is the default.
func (p *Plan) Balance(service string) balance.Options { return p.balances[service].options }

// balanceGroups is what applies to the services whose callers have several replicas to
// choose from.
func (p *Plan) balanceGroups() []policyGroup {
	var groups []policyGroup
	var seen []string
	for _, c := range p.Calls {
		b := p.balances[c.To]
		if len(b.methods) == 0 || slices.Contains(seen, c.To) {
			continue
		}
		seen = append(seen, c.To)
		i := slices.IndexFunc(groups, func(g policyGroup) bool { return g.Applied == b.applied })
		if i < 0 {
			i = len(groups)
			groups = append(groups, policyGroup{Applied: b.applied})
		}
		groups[i].callees = append(groups[i].callees, c.To)
		groups[i].methods = append(groups[i].methods, b.methods...)
	}
	return groups
}
