package plan

import (
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// config is what a plan configures for one service.
type config struct {
	node      ast.Node
	templates map[ast.Node]template
}

// placeConfig keeps the configuration of each service, its templates checked.
func (r *resolver) placeConfig() {
	for _, c := range r.raw.config {
		if _, ok := r.model.service(c.name.v); !ok && r.homes[c.name.v] != nil {
			continue // of a stranger
		} else if !ok {
			r.add(c.name.at, fmt.Sprintf("config is for service %s, which the app has not", quote(c.name.v)),
				suggest(c.name.v, r.model.serviceNames(), "service"))
			continue
		}
		if isNothing(c.v) {
			continue
		}
		found := map[ast.Node]template{}
		r.templates(configPath(c.name.v), c.v, found)
		r.plan.configs[c.name.v] = config{c.v, found}
	}
}

// configPath names a service's configuration in errors.
func configPath(service string) string { return "config." + service }

// DecodeConfig decodes what the plan configures for a service into a struct, by
// its yaml tags. Nothing configured leaves into untouched, so that defaults are
// set before the call; an error may leave it half filled.
//
// Each call reads the environment variables and files that this service's ${env:...}
// and ${file:...} name, at most 16 MiB in all. Their text becomes a number, boolean
// or duration where the struct has one; it shows in no error.
//
// It is strict: a variable that is not set, a file that cannot be read, an unknown
// key and a value of the wrong type are mistakes, which come as Errors with their
// places.
func (p *Plan) DecodeConfig(service string, into any) error {
	c, ok := p.configs[service]
	if !ok {
		return nil
	}
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("config of %s: decode into a pointer, not %T", service, into)
	}
	path := configPath(service)
	r := &reader{file: p.File, secret: map[ast.Node]bool{}}
	e := expander{reader: r, templates: c.templates}
	f := fitter{r}
	node := f.fit(path, e.expand(path, c.node), v.Type())
	if err := f.err(); err != nil {
		return err
	}
	if err := yaml.NodeToValue(node, into, yaml.Strict()); err != nil {
		f.add(f.place(c.node), fmt.Sprintf("%s cannot be decoded%s", path, f.reason(err)),
			fmt.Sprintf("see what the service's %s takes", v.Type().Elem()))
	}
	return f.err()
}

// reason tells why decoding failed, unless that could tell a secret.
func (f *fitter) reason(err error) string {
	if len(f.secret) > 0 {
		return ""
	}
	return ": " + firstLine(err)
}
