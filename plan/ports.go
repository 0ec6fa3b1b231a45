package plan

import "fmt"

// taken is a listener with a fixed port.
type taken struct {
	address
	what string
	at   Position
	site *site
}

// checkPorts refuses fixed ports that two listeners want. A process that says
// how it is reached is taken to run at an address of its own, as each replica in
// an orchestrator does: its ports meet no others.
func (r *resolver) checkPorts() {
	admin, _ := parseAddress(r.plan.Admin)
	at := r.raw.admin.at
	var all []taken
	here := 0 // processes on this machine, replicas counted
	for _, s := range r.sites {
		all = append(all, r.fixed(s)...)
		if s.apart() {
			all = append(all, taken{admin, "admin", at, s})
			continue
		}
		here += s.Replicas
		r.checkReplicas(s)
	}
	switch {
	case admin.port != 0 && here > 1:
		r.add(at, fmt.Sprintf("%d processes cannot share the port %d of admin", here, admin.port),
			"each process has an admin listener of its own: write port 0, for any free one")
	case here == 1:
		all = append(all, taken{admin, "admin", at, nil})
	}
	r.checkClashes(all)
}

func (r *resolver) checkReplicas(s *site) {
	if s.Replicas == 1 {
		return
	}
	for _, t := range r.fixed(s) {
		r.add(s.raw.replicas.at, fmt.Sprintf("%d replicas of process %s cannot share the port %d of %s",
			s.Replicas, s.Name, t.port, t.what), "write port 0, for any free one")
	}
}

func (r *resolver) checkClashes(all []taken) {
	for i, t := range all {
		for _, before := range all[:i] {
			meet := t.site == before.site || !t.apart() && !before.apart()
			if meet && t.clashes(before.address) {
				r.add(t.at, fmt.Sprintf("%s has the port %d, which %s has already", t.what, t.port, before.what),
					"give each a port of its own, or port 0 for any free one")
				break
			}
		}
	}
}

// fixed lists the fixed ports of a process.
func (r *resolver) fixed(s *site) []taken {
	var all []taken
	if s.address.port != 0 {
		all = append(all, taken{s.address, "listen of process " + s.Name, s.raw.listen.at, s})
	}
	if web, ok := parseAddress(s.Web); ok && web.port != 0 {
		all = append(all, taken{web, "web of process " + s.Name, s.raw.web.at, s})
	}
	return all
}

func (s *site) apart() bool { return s.raw.reach.set() }

func (t taken) apart() bool { return t.site != nil && t.site.apart() }
