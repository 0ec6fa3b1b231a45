// Package transform changes JSON by a few steps that are always taken in the same order.
//
//	b, err := transform.NewBody(transform.Config{Remove: []string{"/items/*/cost"}, Wrap: "data"})
//	changed, err := b.Apply([]byte(`{"items": [{"cost": 1, "price": 2}]}`))
//	// {"data":{"items":[{"price":2}]}}
package transform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kerf-go/kerf/internal/strictjson"
)

// Config says how a body changes, in the order of its fields. Paths are JSON pointers (RFC
// 6901) of names in objects, where * is each element of an array. What they do not find
// stays as it is.
type Config struct {
	Unwrap string            `yaml:"unwrap"` // the field whose value becomes the whole
	Remove []string          `yaml:"remove"` // paths
	Rename map[string]string `yaml:"rename"` // paths to new names, in place of fields that have these
	Add    map[string]any    `yaml:"add"`    // paths to values, in place of what is there; objects on the way are made
	Wrap   string            `yaml:"wrap"`   // the field that the whole becomes the value of
}

// Body changes bodies. It is safe for concurrent use.
type Body struct {
	unwrap, wrap string
	steps        []step
}

// step changes the field at the end of a path, in each object that is found there.
type step struct {
	path  []string // without the field
	field string
	make  bool // objects on the way, unless they would be elements
	do    func(object map[string]any, field string)
}

// NewBody makes the steps ready. Paths are taken in alphabetical order.
func NewBody(c Config) (*Body, error) {
	b := &Body{unwrap: c.Unwrap, wrap: c.Wrap}
	var wrong error
	add := func(pointer string, creates bool, do func(map[string]any, string)) {
		path, err := parse(pointer)
		if err != nil {
			wrong = errors.Join(wrong, err)
			return
		}
		last := len(path) - 1
		b.steps = append(b.steps, step{path[:last], path[last], creates, do})
	}
	for _, pointer := range slices.Sorted(slices.Values(c.Remove)) {
		add(pointer, false, func(object map[string]any, field string) { delete(object, field) })
	}
	for _, pointer := range slices.Sorted(maps.Keys(c.Rename)) {
		name := c.Rename[pointer]
		add(pointer, false, func(object map[string]any, field string) {
			if value, there := object[field]; there {
				delete(object, field)
				object[name] = value
			}
		})
	}
	for _, pointer := range slices.Sorted(maps.Keys(c.Add)) {
		value, err := json.Marshal(c.Add[pointer]) // once: nobody changes it
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("what %s adds cannot be JSON: %w", pointer, err))
		}
		add(pointer, true, func(object map[string]any, field string) { object[field] = json.RawMessage(value) })
	}
	return b, wrong
}

// parse takes a pointer apart.
func parse(pointer string) ([]string, error) {
	path := strings.Split(pointer, "/")
	if len(path) < 2 || path[0] != "" || path[len(path)-1] == "*" { //nolint:mnd // what is before the first slash
		return nil, fmt.Errorf("%q is no path: write one such as /items/*/price, which ends with a name", pointer)
	}
	path = path[1:]
	for i, name := range path {
		path[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	}
	return path, nil
}

// Apply gives the changed form of a JSON text. Fields come in alphabetical order, and numbers
// keep all their digits. It fails for what strictjson refuses.
func (b *Body) Apply(text []byte) ([]byte, error) {
	whole, err := strictjson.Decode(text)
	if err != nil {
		return nil, err
	}
	if object, ok := whole.(map[string]any); ok && b.unwrap != "" {
		if inner, there := object[b.unwrap]; there {
			whole = inner
		}
	}
	for i := range b.steps {
		b.steps[i].apply(whole, b.steps[i].path)
	}
	if b.wrap != "" {
		whole = map[string]any{b.wrap: whole}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(whole); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

func (s *step) apply(v any, path []string) {
	switch v := v.(type) {
	case []any:
		if len(path) > 0 && path[0] == "*" {
			for _, element := range v {
				s.apply(element, path[1:])
			}
		}
	case map[string]any:
		if len(path) == 0 {
			s.do(v, s.field)
			return
		}
		next, there := v[path[0]]
		if !there && s.make && !slices.Contains(path, "*") {
			next = map[string]any{}
			v[path[0]] = next
		}
		s.apply(next, path[1:])
	}
}
