package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kerf-go/kerf/link"
)

// mostInAChain is how many calls between processes, one waiting for the next, a page
// may need without a warning: each adds its time, and its chance to fail.
const mostInAChain = 2

// warnOfChains looks at every service with pages. A hop within a process counts
// nothing, since nobody waits for a network there; neither does a stream, whose
// caller goes on while it is open, nor a call whose reply is not awaited.
func (r *resolver) warnOfChains() {
	for _, s := range r.model.Services {
		home := r.homes[s.Name]
		if !s.Web || home == nil {
			continue
		}
		if chain := r.chainFrom(s.Name); chain != nil {
			r.plan.Warnings = append(r.plan.Warnings, Error{home.at, fmt.Sprintf(
				"a page of %s may wait for more than %d calls between processes, one after the other: %s",
				s.Name, mostInAChain, strings.Join(chain, " -> ")), r.shorten(chain)})
		}
	}
}

// chainFrom finds services, each waiting for the next, with one hop too many between
// processes; nil if there are none. It goes breadth first, and looks at a service
// once for each number of hops.
func (r *resolver) chainFrom(service string) []string {
	type place struct {
		service string
		hops    int
	}
	type way struct {
		place
		services []string
	}
	seen := map[place]bool{}
	for todo := []way{{place{service, 0}, []string{service}}}; len(todo) > 0; todo = todo[1:] {
		w := todo[0]
		if w.hops > mostInAChain {
			return w.services
		}
		for _, c := range r.plan.Calls {
			if c.From != w.service || !c.waits() || slices.Contains(w.services, c.To) {
				continue
			}
			next := place{c.To, w.hops}
			if c.FromProcess != c.ToProcess {
				next.hops++
			}
			if !seen[next] {
				seen[next] = true
				todo = append(todo, way{next, append(slices.Clone(w.services), c.To)})
			}
		}
	}
	return nil
}

// waits tells whether the caller can do nothing until the handler has answered.
func (c Call) waits() bool {
	return c.Wait == link.Reply && (c.Kind == unary || c.Kind == clientStream)
}

// shorten says how a chain becomes shorter: its methods that need no reply are named.
func (r *resolver) shorten(chain []string) string {
	hint := "run two that follow one another in one process"
	able := make([]string, 0, len(chain))
	for i := range chain[1:] {
		able = append(able, r.needless(chain[i], chain[i+1])...)
	}
	if len(able) > 0 {
		hint += ", or do not wait for the reply (wait: sent or accepted) of " + joined(able, "and")
	}
	return hint
}

// needless lists the methods through which from waits for to, if none has an answer.
func (r *resolver) needless(from, to string) []string {
	var names []string
	for _, c := range r.plan.Calls {
		if c.From != from || c.To != to || !c.waits() {
			continue
		}
		if _, m, _ := r.model.method(c.Method); !m.AnswersEmpty || m.streams() {
			return nil
		}
		names = append(names, c.Method)
	}
	return names
}
