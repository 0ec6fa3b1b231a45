package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kerf-go/kerf/policy"
)

// fileUpstream is what a plan says of an HTTP server outside the app.
type fileUpstream struct{ filePolicy }

// keys are those of the policies that policy.RoundTripper has.
func (f *fileUpstream) keys() []key {
	const service = "leave it out: the service bounds its requests itself"
	return withHints(f.filePolicy.keys(), map[string]string{
		deadlineKey:   service + ", or an attempt with retry: {timeout: ...}",
		"idle":        service,
		"hedge":       "leave it out: what is slow is asked again after retry: {timeout: ...}",
		"fallback":    "leave it out: the service knows what to do without an answer",
		"admission":   outboundOnly,
		"rate":        outboundOnly,
		balancePolicy: "leave it out: the service asks one server",
	})
}

// upstream is an HTTP server outside the app, who asks it, and what the plan says of it.
type upstream struct {
	name     string
	services []string
	said     *fileUpstream // nil: nothing
}

// placeUpstreams joins the upstreams of services that run under the plan to what it says of them.
func (r *resolver) placeUpstreams() {
	declared := map[string]bool{}
	for _, s := range r.model.Services {
		for _, name := range s.Upstreams {
			declared[name] = true
			if r.homes[s.Name] != nil {
				u := r.upstream(name)
				u.services = append(u.services, s.Name)
			}
		}
	}
	for _, e := range r.raw.upstreams.v {
		if !declared[e.name.v] && !r.strangers {
			r.add(e.name.at, "no service has an upstream "+quote(e.name.v),
				suggest(e.name.v, slices.Collect(maps.Keys(declared)), "upstream"))
			continue
		}
		r.checkBounds(&e.v.filePolicy)
		r.upstream(e.name.v).said = e.v
	}
}

// upstream finds one by its name, or adds it.
func (r *resolver) upstream(name string) *upstream {
	all := &r.plan.upstreams
	i := slices.IndexFunc(*all, func(u upstream) bool { return u.name == name })
	if i < 0 {
		i = len(*all)
		*all = append(*all, upstream{name: name})
	}
	return &(*all)[i]
}

// Upstream gives the policies of an HTTP server outside the app, by the name that services give
// it: those of s, and in their place what the plan says of them.
func (p *Plan) Upstream(name string, s policy.Settings) policy.Settings {
	for _, u := range p.upstreams {
		if u.name == name && u.said != nil {
			take(&s.Bulkhead, u.said.bulkhead)
			take(&s.Breaker, u.said.breaker)
			take(&s.Retry, u.said.retry)
		}
	}
	return s
}

// applied are the policies that the plan gives it, in the order in which a request meets them.
func (u upstream) applied() []Applied {
	if u.said == nil {
		return nil
	}
	var all []Applied
	add := func(name string, at Position, on bool, what fmt.Stringer) {
		switch {
		case on:
			all = append(all, Applied{name, what.String(), u.name, at})
		case at.Line > 0:
			all = append(all, Applied{name, off, u.name, at})
		}
	}
	add("bulkhead", u.said.bulkhead.at, u.said.bulkhead.v != nil, u.said.bulkhead.v)
	add("breaker", u.said.breaker.at, u.said.breaker.v != nil, u.said.breaker.v)
	add(retryPolicy, u.said.retry.at, u.said.retry.v != nil, u.said.retry.v)
	return all
}

// upstreamRows show what applies to which upstream, and why.
func (p *Plan) upstreamRows() [][]string {
	rows := [][]string{{"UPSTREAM", "OF", "POLICY", "WHAT", "FROM"}}
	for _, u := range p.upstreams {
		name, services := u.name, strings.Join(u.services, ", ")
		applied := u.applied()
		for _, a := range applied {
			rows = append(rows, []string{name, services, a.Policy, a.What, a.origin()})
			name, services = "", ""
		}
		switch len(applied) {
		case 0:
			rows = append(rows, []string{name, services, "all", "as the service has them", "the service"})
		case 1, 2: //nolint:mnd // of three
			rows = append(rows, []string{"", "", "others", "as the service has them", "the service"})
		}
	}
	return rows
}

func (u upstream) json() jsonUpstream {
	out := jsonUpstream{Name: u.name, Services: append([]string{}, u.services...)}
	for _, a := range u.applied() {
		if out.Policies == nil {
			out.Policies = map[string]string{}
		}
		out.Policies[a.Policy] = a.What
	}
	return out
}
