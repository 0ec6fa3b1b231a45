package plan

import (
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// config is what a plan configures for one service.
type config struct {
	node     ast.Node
	expanded map[ast.Node]bool // text that came from the environment or a file
}

// placeConfig expands the configuration of each service.
func (r *resolver) placeConfig() {
	e := expander{reader: &r.reader}
	for _, c := range r.raw.config {
		if _, ok := r.model.service(c.name.v); !ok {
			r.add(c.name.at, fmt.Sprintf("config is for service %s, which the app has not", quote(c.name.v)),
				suggest(c.name.v, r.model.serviceNames(), "service"))
			continue
		}
		if isNothing(c.v) {
			continue
		}
		e.expanded = map[ast.Node]bool{}
		node := e.expand("config."+c.name.v, c.v)
		r.plan.configs[c.name.v] = config{node, e.expanded}
	}
}

// DecodeConfig decodes what the plan configures for a service into a struct, by
// its yaml tags. Nothing configured leaves into untouched, so that defaults are
// set before the call; an error may leave it half filled.
//
// It is strict: an unknown key and a value of the wrong type are mistakes, which
// come as Errors with their places. Text from ${env:...} and ${file:...} becomes a
// number, boolean or duration where the struct has one; it shows in no error.
func (p *Plan) DecodeConfig(service string, into any) error {
	c, ok := p.configs[service]
	if !ok {
		return nil
	}
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("config of %s: decode into a pointer, not %T", service, into)
	}
	f := fitter{reader: reader{file: p.File}, config: c}
	path := "config." + service
	node := f.fit(path, c.node, v.Type())
	if err := f.err(); err != nil {
		return err
	}
	if err := yaml.NodeToValue(node, into, yaml.Strict()); err != nil {
		f.add(f.place(c.node), fmt.Sprintf("%s cannot be decoded%s", path, c.reason(err)),
			fmt.Sprintf("see what the service's %s takes", v.Type().Elem()))
	}
	return f.err()
}

// reason tells why decoding failed, unless that could tell a secret.
func (c config) reason(err error) string {
	if len(c.expanded) > 0 {
		return ""
	}
	return ": " + firstLine(err)
}
