package gateway

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// valueChange changes headers or parameters, which are both names with values.
type valueChange struct {
	remove []string
	rename [][2]string // from, to
	add    []added
}

type added struct {
	name  string
	value template
}

// template is a text in parts.
type template []valuePart

// valuePart is a text as it is, or what stands for a name.
type valuePart struct {
	text  string
	name  string
	about func(v *visit) string // nil: text
}

// valueChange makes one ready, nil if nothing changes. spelled gives the one form of a name.
func (c *compiler) valueChange(config valuesConfig, rt *route, spelled func(string) string, way ...any) *valueChange {
	made := new(valueChange)
	for _, name := range config.Remove {
		made.remove = append(made.remove, spelled(name))
	}
	for _, from := range slices.Sorted(maps.Keys(config.Rename)) {
		made.rename = append(made.rename, [2]string{spelled(from), spelled(config.Rename[from])})
	}
	for _, name := range slices.Sorted(maps.Keys(config.Add)) {
		value, err := rt.match.template(config.Add[name])
		if err != nil {
			c.mistake(err.Error(), "use the names of the path's template, client, host and path",
				append(way, "add", name)...)
		}
		made.add = append(made.add, added{spelled(name), value})
	}
	if made.remove == nil && made.rename == nil && made.add == nil {
		return nil
	}
	return made
}

// headerValues are a valueChange of headers, without those that belong to the connection.
func (c *compiler) headerValues(config valuesConfig, rt *route, way ...any) *valueChange {
	made := c.valueChange(config, rt, http.CanonicalHeaderKey, way...)
	if made == nil {
		return nil
	}
	at := func(more ...any) []any { return append(slices.Clip(way), more...) }
	for k, name := range config.Remove {
		c.checkHeader(name, "", at("remove", k)...)
	}
	for from, to := range config.Rename {
		c.checkHeader(from, "", at("rename", from)...)
		c.checkHeader(to, "", at("rename", from)...)
	}
	for name, value := range config.Add {
		c.checkHeader(name, value, at("add", name)...)
	}
	return made
}

// names tells whether a template has a name.
func (v *valueChange) names(name string) bool {
	return v != nil && slices.ContainsFunc(v.add, func(a added) bool {
		return slices.ContainsFunc(a.value, func(p valuePart) bool { return p.name == name })
	})
}

// apply changes values; value fills a template.
func (v *valueChange) apply(values map[string][]string, value func(template) string) {
	for _, name := range v.remove {
		delete(values, name)
	}
	for _, pair := range v.rename {
		if old, there := values[pair[0]]; there {
			delete(values, pair[0])
			values[pair[1]] = old
		}
	}
	for _, a := range v.add {
		values[a.name] = append(slices.Clip(values[a.name]), value(a.value))
	}
}

// template takes a text with {names} apart.
func (m *matcher) template(text string) (template, error) {
	var made template
	for {
		before, rest, found := strings.Cut(text, "{")
		made = append(made, valuePart{text: before})
		if !found {
			return made, nil
		}
		name, after, closed := strings.Cut(rest, "}")
		about := m.about(name)
		if !closed || about == nil {
			return nil, fmt.Errorf("nothing stands for {%s} in %q", name, text)
		}
		made, text = append(made, valuePart{name: name, about: about}), after
	}
}

// about finds what stands for a name in a template, encoded as in the path; nil: nothing does.
func (m *matcher) about(name string) func(v *visit) string {
	if m.path != nil {
		for _, variable := range m.path.Variables {
			if variable.Name == name {
				return func(v *visit) string { return m.path.Raw(variable, v.path.canonical) }
			}
		}
	}
	switch name {
	case "client":
		return func(v *visit) string { return v.client.address.String() }
	case "host":
		return func(v *visit) string { return v.host }
	case "path":
		return func(v *visit) string { return v.path.canonical }
	}
	return nil
}

// fill gives the text for a request. form is that of what stands for a name.
func (t template) fill(v *visit, form func(string) string) string {
	var text strings.Builder
	for _, p := range t {
		if p.about != nil {
			text.WriteString(form(p.about(v)))
			continue
		}
		text.WriteString(p.text)
	}
	return text.String()
}

// encoded keeps what comes of a path as it is, so that it cannot end a header.
func encoded(s string) string { return s }

// decoded is for where nothing can end early.
func decoded(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}
