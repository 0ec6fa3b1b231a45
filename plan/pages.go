package plan

import "fmt"

// warnOfPages compares the addresses of pages with the services that have some, as far as
// that is known: a service that serves no calls is taken for one with pages.
func (r *resolver) warnOfPages() {
	for _, s := range r.sites {
		known, pages := true, ""
		for _, name := range s.Services {
			service, ok := r.model.service(name)
			known = known && ok
			if service.Web {
				pages = name
			}
		}
		switch {
		case pages == "" && known && s.raw.web.set():
			r.warn(s.raw.web.at, fmt.Sprintf("process %s has web, but its services serve calls and, as far as is "+
				"known, no pages", s.Name), "give web to a process with pages, or remove it")
		case pages != "" && s.Web == "" && !s.raw.web.set():
			r.warn(s.at, fmt.Sprintf("service %s serves no calls, and process %s has no web: if it has pages, nobody "+
				"sees them", pages, s.Name), `add "web: 127.0.0.1:8080" to the process`)
		}
	}
}

func (r *resolver) warn(at Position, what, hint string) {
	r.plan.Warnings = append(r.plan.Warnings, Error{at, what, hint})
}
