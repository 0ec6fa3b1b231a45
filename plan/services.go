package plan

import (
	"fmt"
	"regexp"
	"strings"
)

// placeServices makes the processes and puts each service into one.
func (r *resolver) placeServices() {
	r.homes, r.meant = map[string]*site{}, map[string]bool{}
	if !r.raw.processes.set() {
		r.placeTogether()
		return
	}
	legal := regexp.MustCompile(namePattern)
	for _, p := range r.raw.processes.v {
		if !legal.MatchString(p.name.v) {
			r.add(p.name.at, fmt.Sprintf("the process name %s is not allowed", quote(p.name.v)),
				"a name has lower case letters, digits and dashes, at most 63, begins with a letter and does not "+
					"end with a dash")
		}
		s := &site{Process: Process{Name: p.name.v, Replicas: max(p.v.replicas.v, 1)}, raw: p.v, at: p.name.at}
		for _, word := range p.v.command.v {
			s.Command = append(s.Command, word.v)
		}
		if len(s.Command) > 0 {
			s.CommandAt = p.v.command.v[0].at
		}
		r.sites = append(r.sites, s)
		for _, service := range p.v.services.v {
			r.placeService(s, service)
		}
	}
	r.checkNowhere()
}

// placeTogether is the plan that names no processes: the monolith.
func (r *resolver) placeTogether() {
	s := &site{
		Process: Process{Name: r.model.App, Replicas: 1},
		raw:     &fileProcess{web: placed[string]{v: defaultWeb}},
		at:      Position{File: r.file},
	}
	r.sites = []*site{s}
	for _, service := range r.model.Services {
		if !service.Absent && !service.Optional {
			s.Services = append(s.Services, service.Name)
			r.homes[service.Name] = s
		}
	}
}

func (r *resolver) placeService(s *site, service placed[string]) {
	declared, ok := r.model.service(service.v)
	if !ok && r.elsewhere(s) {
		r.strangers = true
	} else if !ok {
		r.noService(s, service)
		return
	}
	if home, twice := r.homes[service.v]; twice {
		r.add(service.at, fmt.Sprintf("service %s is in process %s already", service.v, home.Name),
			"a service runs in one process: remove it from one; for more of it, give the process replicas")
		return
	}
	if declared.Absent && !r.elsewhere(s) {
		r.add(service.at, fmt.Sprintf("service %s is not in this program, which only knows of it", service.v),
			fmt.Sprintf("give process %s a command that runs it", s.Name))
	}
	r.homes[service.v] = s
	s.Services = append(s.Services, service.v)
	if declared.Single && s.Replicas > 1 {
		r.add(s.raw.replicas.at, fmt.Sprintf("process %s has %d replicas, but service %s must run only once",
			s.Name, s.Replicas, service.v), fmt.Sprintf("run %s in a process without replicas", service.v))
	}
}

func (r *resolver) noService(s *site, service placed[string]) {
	hint := suggest(service.v, r.model.serviceNames(), "service")
	if meant, ok := nearest(service.v, r.model.serviceNames()); ok {
		r.meant[meant] = true
	} else {
		hint += fmt.Sprintf("; or, if another program has it, give process %s a command", s.Name)
	}
	r.add(service.at, "the app has no service "+quote(service.v), hint)
}

// elsewhere tells whether another program runs a process.
func (r *resolver) elsewhere(s *site) bool {
	if r.model.Process != "" {
		return r.model.Process != s.Name
	}
	return len(s.Command) > 0
}

func (r *resolver) checkNowhere() {
	for _, s := range r.sites {
		if !s.raw.services.set() {
			return // a mistake that was reported; what belongs there nobody knows
		}
	}
	var missing []string
	for _, service := range r.model.Services {
		if r.homes[service.Name] == nil && !r.meant[service.Name] && !service.Absent && !service.Optional {
			missing = append(missing, service.Name)
		}
	}
	if len(missing) > 0 {
		r.add(r.raw.processes.at, "no process runs "+strings.Join(missing, ", "),
			fmt.Sprintf("every service needs one: add it to a process, or add \"%s: {services: [%s]}\"",
				missing[0], missing[0]))
	}
}
