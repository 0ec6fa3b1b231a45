package plan

import "fmt"

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
