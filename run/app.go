package run

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/kerf-go/kerf"
)

// nameShape is what the names of apps and services look like, as those of processes.
var nameShape = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkApp tells every mistake in what an app declares, before anything is built.
func checkApp(app kerf.App) error {
	var errs []error
	if !nameShape.MatchString(app.Name) {
		errs = append(errs, fmt.Errorf("the app's name %q is not allowed: %s", app.Name, nameRule))
	}
	if len(app.Services) == 0 {
		errs = append(errs, errors.New("the app has no service: add one to its Services"))
	}
	seen := make(map[string]bool)
	for _, s := range app.Services {
		errs = append(errs, checkService(app, s))
		if seen[s.Name] {
			errs = append(errs, fmt.Errorf("two services are named %q: rename one", s.Name))
		}
		seen[s.Name] = true
	}
	return errors.Join(errs...)
}

const nameRule = "use at most 63 lower case letters, digits and dashes, with a letter first and no dash last"

func checkService(app kerf.App, s kerf.Service) error {
	var errs []error
	if !nameShape.MatchString(s.Name) {
		errs = append(errs, fmt.Errorf("the service name %q is not allowed: %s", s.Name, nameRule))
	}
	if s.New == nil && len(s.Serves) == 0 {
		errs = append(errs, fmt.Errorf("service %s: New is nil: it makes the service; one that another program has "+
			"needs Serves, to be called", s.Name))
	}
	if slices.Contains(s.Serves, nil) {
		errs = append(errs, fmt.Errorf("service %s: Serves holds a nil ServiceDesc", s.Name))
	}
	for _, callee := range s.Calls {
		if !slices.ContainsFunc(app.Services, func(o kerf.Service) bool { return o.Name == callee }) {
			errs = append(errs, fmt.Errorf("service %s: Calls lists %q, no service of the app", s.Name, callee))
		}
	}
	return errors.Join(errs...)
}
