package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// servesNothing refuses policies for a service that nobody calls.
func (r *resolver) servesNothing(name placed[string], s Service) {
	hint := "leave them out"
	if len(s.Calls) > 0 {
		hint = "write them for whom it calls: " + joined(s.Calls, "or")
	}
	r.add(name.at, s.Name+" serves no method, and policies are for the methods of who is called", hint)
}

// checkDeadline refuses a deadline of streams alone, which it does not bound.
func (r *resolver) checkDeadline(e policyEntry) {
	if !e.said.deadline.set() || e.rank == rankAll || r.strangers && e.rank != rankMethod {
		return
	}
	stream, kind := "", ""
	for _, s := range r.model.Services {
		for _, m := range s.Methods {
			switch {
			case !e.about(s.Name, m):
			case !m.streams():
				return
			default:
				stream, kind = m.Name, m.kind()
			}
		}
	}
	what := "no method of " + e.pattern.v + " is unary, and a deadline of policies ends no stream"
	if e.rank == rankMethod {
		what = fmt.Sprintf("%s is a %s, which a deadline of policies does not end", stream, kind)
	}
	if stream != "" {
		r.add(e.said.deadline.at, what, "write idle, which ends a stream after so long without a message, or a "+
			"deadline under methods, which bounds the whole of one")
	}
}

// warnOfVain warns of entries of which no method has anything, since others go before them. "*" holds
// for methods that the app does not have, too.
func (r *resolver) warnOfVain() {
	entries := slices.Clone(r.policies)
	slices.SortFunc(entries, func(a, b policyEntry) int {
		return cmp.Or(cmp.Compare(a.pattern.at.Line, b.pattern.at.Line),
			cmp.Compare(a.pattern.at.Column, b.pattern.at.Column))
	})
	for _, e := range entries {
		if e.rank == rankAll || r.strangers {
			continue
		}
		if out := r.leftOut(e); len(out) > 0 {
			r.warn(e.pattern.at, fmt.Sprintf("policies of %s do nothing: no process has %s", e.pattern.v,
				joined(out, "or")), "leave the entry out, or run the service")
			continue
		}
		if e.said.balance.set() {
			continue
		}
		if lines, taken := r.before(e); !taken && len(lines) > 0 {
			r.warn(e.pattern.at, fmt.Sprintf(
				"policies of %s do nothing: in all that they say, line %s goes before them",
				e.pattern.v, joined(lines, "or")), "leave the entry out, or what goes before it")
		}
	}
}

// leftOut are the services of an entry's methods if no process has any of them.
func (r *resolver) leftOut(e policyEntry) (services []string) {
	for _, s := range r.model.Services {
		about := func(m Method) bool { return e.about(s.Name, m) }
		switch {
		case !slices.ContainsFunc(s.Methods, about):
		case r.homes[s.Name] != nil:
			return nil
		default:
			services = append(services, s.Name)
		}
	}
	return services
}

// before has the lines from which the methods of an entry have what it says; taken: one has it from the entry.
func (r *resolver) before(e policyEntry) (lines []string, taken bool) {
	said := e.said.places()
	for _, s := range r.model.Services {
		for _, m := range s.Methods {
			if !e.about(s.Name, m) {
				continue
			}
			for _, a := range r.plan.methods[m.Name].applied {
				at, line := said[slices.Index(policyOrder, a.Policy)], strconv.Itoa(a.At.Line)
				switch {
				case at.Line == 0:
				case at == a.At:
					return nil, true
				case !slices.Contains(lines, line):
					lines = append(lines, line)
				}
			}
		}
	}
	return lines, false
}

// warnOfStoreWaits warns of waits for a connection of which no caller sees the end: none is refused, as all
// have gone by then.
func (r *resolver) warnOfStoreWaits() {
	said := r.raw.store
	var own []string
	for _, s := range said.services.v {
		if s.v.wait.set() {
			own = append(own, s.name.v)
			r.warnOfStoreWait(s.v.wait, []string{s.name.v})
		}
	}
	others := slices.DeleteFunc(r.model.serviceNames(), func(name string) bool { return slices.Contains(own, name) })
	r.warnOfStoreWait(said.wait, others)
}

func (r *resolver) warnOfStoreWait(wait placed[time.Duration], services []string) {
	var vain []string
	var longest time.Duration
	for _, s := range services {
		if patience := r.patience(s); patience > 0 && wait.v >= patience {
			vain, longest = append(vain, s), max(longest, patience)
		}
	}
	if len(vain) > 0 {
		r.warn(wait.at, fmt.Sprintf("who gets no connection of a store is refused after %v, and callers of %s wait "+
			"no longer than %v", wait.v, joined(vain, "and"), longest),
			fmt.Sprintf("write a wait below %v, or a longer deadline", longest))
	}
}

// patience is how long callers of a service wait at most; 0: some wait for ever, or nobody calls it.
func (r *resolver) patience(service string) (longest time.Duration) {
	for _, c := range r.plan.Calls {
		switch {
		case c.To != service:
		case c.Deadline == 0:
			return 0
		default:
			longest = max(longest, c.Deadline)
		}
	}
	return longest
}
