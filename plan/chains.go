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

// mostWays bounds the search for a chain. Where thirty services all call each other, a
// thousand ways are looked at; only a plan made to have more comes near the bound.
const mostWays = 1 << 16

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
			r.warn(home.at, fmt.Sprintf(
				"a page of %s may wait for more than %d calls between processes, one after the other: %s",
				s.Name, mostInAChain, strings.Join(chain, " -> ")), r.shorten(chain))
		}
	}
}

// chainFrom finds services, each waiting for the next, with one hop too many between
// processes; nil if there are none. It goes breadth first. No service is there twice,
// so what a way has passed decides where it can go: ways that meet at a service are
// all followed. Those that make a detour are not: without it they have as many hops.
func (r *resolver) chainFrom(service string) []string {
	type way struct {
		services []string
		entered  int // where among them the way came into its last process
		hops     int
	}
	next := r.waitingFor()
	todo := []way{{services: []string{service}}}
	for i := 0; i < len(todo) && len(todo) < mostWays; i++ {
		w := todo[i]
		last := len(w.services) - 1
		from := w.services[last]
		for _, to := range next[from] {
			detour := slices.ContainsFunc(w.services[w.entered:last], func(earlier string) bool {
				return slices.Contains(next[earlier], to)
			})
			if detour || slices.Contains(w.services, to) {
				continue
			}
			further := way{append(slices.Clone(w.services), to), w.entered, w.hops}
			if r.homes[from] != r.homes[to] {
				further.entered, further.hops = last+1, w.hops+1
			}
			if further.hops > mostInAChain {
				return further.services
			}
			todo = append(todo, further)
		}
	}
	return nil
}

// waitingFor has, for each service, those that it may wait for, each once.
func (r *resolver) waitingFor() map[string][]string {
	next := map[string][]string{}
	for _, c := range r.plan.Calls {
		if c.waits() && !slices.Contains(next[c.From], c.To) {
			next[c.From] = append(next[c.From], c.To)
		}
	}
	return next
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
