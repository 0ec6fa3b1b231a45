package plan_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/kerf-go/kerf/plan"
)

type schema = map[string]any

func planSchema(t *testing.T) schema {
	t.Helper()
	var s schema
	if err := json.Unmarshal(plan.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// fits is as much of JSON Schema as Schema uses, and fails on any other keyword.
func fits(s schema, v any) error {
	for _, word := range slices.Sorted(maps.Keys(s)) {
		if err := fitsWord(s, word, s[word], v); err != nil {
			return err
		}
	}
	return nil
}

func fitsWord(s schema, word string, arg, v any) error {
	switch v := v.(type) {
	case map[string]any:
		if known, err := objectFits(s, word, arg, v); known {
			return err
		}
	case []any:
		if known, err := listFits(word, arg, v); known {
			return err
		}
	}
	text, isText := v.(string)
	number, isNumber := v.(float64)
	bad := false
	switch word {
	case "type":
		bad = arg != typeOf(v) && (!isNumber || arg != "number")
	case "minimum":
		bad = isNumber && number < arg.(float64)
	case "maximum":
		bad = isNumber && number > arg.(float64)
	case "enum":
		bad = isText && !slices.Contains(arg.([]any), v)
	case "anyOf":
		bad = !slices.ContainsFunc(arg.([]any), func(one any) bool { return fits(one.(schema), v) == nil })
	case "exclusiveMinimum":
		bad = isNumber && number <= arg.(float64)
	case "minLength":
		bad = isText && float64(utf8.RuneCountInString(text)) < arg.(float64)
	case "pattern":
		bad = isText && !regexp.MustCompile(arg.(string)).MatchString(text)
	case "$schema", "title", "description", "minItems", "uniqueItems", "items",
		"required", "minProperties", "propertyNames", "properties", "additionalProperties":
	default:
		bad = true // a word that this test must learn
	}
	return broken(bad, word, arg, v)
}

func broken(bad bool, word string, arg, v any) error {
	if bad {
		return fmt.Errorf("%v against %s %v", v, word, arg)
	}
	return nil
}

func listFits(word string, arg any, list []any) (known bool, err error) {
	switch word {
	case "minItems":
		return true, broken(float64(len(list)) < arg.(float64), word, arg, list)
	case "uniqueItems":
		seen := map[string]bool{}
		for _, item := range list {
			seen[fmt.Sprint(item)] = true
		}
		return true, broken(len(seen) < len(list), word, arg, list)
	case "items":
		for _, item := range list {
			if err := fits(arg.(schema), item); err != nil {
				return true, err
			}
		}
		return true, nil
	}
	return false, nil
}

func objectFits(s schema, word string, arg any, object map[string]any) (known bool, err error) {
	switch word {
	case "minProperties":
		return true, broken(float64(len(object)) < arg.(float64), word, arg, object)
	case "required":
		for _, name := range arg.([]any) {
			if _, has := object[name.(string)]; !has {
				return true, broken(true, word, arg, object)
			}
		}
		return true, nil
	case "propertyNames":
		for name := range object {
			if err := fits(arg.(schema), name); err != nil {
				return true, err
			}
		}
		return true, nil
	case "properties":
		for name, value := range object {
			if property, ok := arg.(schema)[name].(schema); ok {
				if err := fits(property, value); err != nil {
					return true, fmt.Errorf("%s: %w", name, err)
				}
			}
		}
		return true, nil
	case "additionalProperties":
		return true, furtherFits(s, arg, object)
	}
	return false, nil
}

// furtherFits checks the keys that the schema does not name.
func furtherFits(s schema, arg any, object map[string]any) error {
	properties, _ := s["properties"].(schema)
	each, open := arg.(schema)
	for name, value := range object {
		if _, named := properties[name]; named || arg == true {
			continue
		}
		if !open {
			return fmt.Errorf("%s is not known", name)
		}
		if err := fits(each, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func typeOf(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	}
	return "null"
}

// asEditorsSee turns YAML into what an editor holds against the schema.
func asEditorsSee(text string) (any, error) {
	j, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil, err
	}
	var v any
	return v, json.Unmarshal(j, &v)
}

func TestSchemaTakesEveryGoodPlan(t *testing.T) {
	t.Parallel()
	s := planSchema(t)
	eachGolden(t, "plans", func(t *testing.T, g golden) {
		t.Helper()
		text := strings.ReplaceAll(g.parts["plan.yaml"], "  notify:\n", "") // null is "nothing configured"
		v, err := asEditorsSee(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := fits(s, v); err != nil {
			t.Errorf("%s: the parser takes it, the schema does not: %v", g.path, err)
		}
	})
}

// TestSchemaAndParserAgree puts values of every type at every key that the schema
// knows, and asks both. It begins with a plan that holds every key.
func TestSchemaAndParserAgree(t *testing.T) {
	t.Parallel()
	s := planSchema(t)
	full := func() map[string]any {
		v, err := asEditorsSee(everyKey)
		if err != nil {
			t.Fatal(err)
		}
		return v.(map[string]any)
	}
	wrongs := []any{0, 1001, 7.5, []any{}, []any{1}, map[string]any{}, map[string]any{"x": 1}, true, "", "-2s"}
	count := 0
	try := func(where string, v any) {
		count++
		text, err := json.Marshal(v) // JSON is YAML
		if err != nil {
			t.Fatal(err)
		}
		v, err = asEditorsSee(string(text)) // with the types that JSON has
		if err != nil {
			t.Fatal(err)
		}
		_, parseErr := plan.Parse("plan.yaml", text, paying())
		if schemaErr := fits(s, v); (parseErr == nil) != (schemaErr == nil) {
			t.Errorf("%s: the parser says %v, the schema says %v", where, parseErr, schemaErr)
		}
	}
	try("every key", full())
	for _, at := range []string{
		"", "processes/core", "methods/chirp.accounts.v1.Accounts~LogIn", "store", "store/services/accounts",
		"upstreams/payments",
	} {
		into := func(v map[string]any) map[string]any { return descend(v, at) }
		for _, key := range slices.Sorted(maps.Keys(into(full()))) {
			for _, wrong := range wrongs {
				if key == "config" || takes(key, wrong) {
					continue
				}
				v := full()
				into(v)[key] = wrong
				try(fmt.Sprintf("%s/%s: %v", at, key, wrong), v)
			}
			v := full()
			delete(into(v), key)
			into(v)[key+"x"] = 1
			try(fmt.Sprintf("%s/%sx", at, key), v)
		}
		for _, required := range map[string][]string{"": {"version", "app"}, "processes/core": {"services"}}[at] {
			v := full()
			delete(into(v), required)
			try(at+" without "+required, v)
		}
	}
	for _, share := range []string{
		"100%", "100.0%", "7.25%", "0.1%", "0%", "0.0%", "100.1%", "101%", "1e2%", "+5%", ".5%", "5.%", "5 %", "5",
	} {
		v := full()
		descend(v, "policies/*/breaker")["failures"] = share
		try("failures: "+share, v)
	}
	if count < 100 {
		t.Errorf("only %d plans were compared", count)
	}
}

const everyKey = `
version: 1
app: chirp
link: http
deadline: 5s
drain: 1m
admin: 127.0.0.1:0
store:
  url: sqlite:data
  migrate: false
  foreign: false
  connections: 8
  wait: 1s
  services: {accounts: {url: sqlite:data, migrate: false, foreign: false, connections: 8, wait: 1s}}
broker: embedded:data/broker
insecure: true
config: {web: {title: x}}
methods: {chirp.accounts.v1.Accounts/LogIn: {deadline: 1s, share: true, link: http, wait: reply}}
processes:
  core:
    services: [accounts, follows, messages, notify, web]
    link: http
    listen: http://127.0.0.1:9001
    reach: http://core:9001
    web: 127.0.0.1:8080
    replicas: 1
    command: [./core]
    methods: {chirp.accounts.v1.Accounts/LogIn: {deadline: 1s, share: true, link: http, wait: reply}}
policies:
  "*":
    deadline: 2s
    idle: 5m
    bulkhead: {calls: 10, queue: 5, wait: 10ms}
    breaker: {failures: 30%, calls: 10, window: 5s, open: 1s, probes: 2}
    retry: {attempts: 2, backoff: 10ms, most: 100ms, timeout: 500ms, budget: 20%}
    hedge: {after: 50ms}
    fallback: {last: true}
    admission: {least: 4, most: 100}
    rate: {calls: 100, burst: 10}
    balance: {failures: 3, ejection: 1s, most: 30%, health: 2s, silence: 500ms, slowstart: off}
upstreams:
  payments:
    bulkhead: {calls: 10, queue: 5, wait: 10ms}
    breaker: {failures: 30%, calls: 10, window: 5s, open: 1s, probes: 2}
    retry: {attempts: 2, backoff: 10ms, most: 100ms, timeout: 500ms, budget: 20%}
`

// TestEveryKeyIsInTheExample keeps everyKey true: no key of the schema is left out.
func TestEveryKeyIsInTheExample(t *testing.T) {
	t.Parallel()
	s := planSchema(t)
	v, err := asEditorsSee(everyKey)
	if err != nil {
		t.Fatal(err)
	}
	process := s["properties"].(schema)["processes"].(schema)["additionalProperties"].(schema)
	method := s["properties"].(schema)["methods"].(schema)["additionalProperties"].(schema)
	policies := s["properties"].(schema)["policies"].(schema)["additionalProperties"].(schema)
	store := s["properties"].(schema)["store"].(schema)["anyOf"].([]any)[1].(schema)
	parts := map[string]schema{
		"": s, "processes/core": process, "methods/chirp.accounts.v1.Accounts~LogIn": method, "store": store,
		"policies/*":              policies,
		"upstreams/payments":      s["properties"].(schema)["upstreams"].(schema)["additionalProperties"].(schema),
		"store/services/accounts": store["properties"].(schema)["services"].(schema)["additionalProperties"].(schema),
	}
	for at, part := range parts {
		has := slices.Sorted(maps.Keys(descend(v.(map[string]any), at)))
		if knows := slices.Sorted(maps.Keys(part["properties"].(schema))); !slices.Equal(has, knows) {
			t.Errorf("%q: the example has %v, the schema knows %v", at, has, knows)
		}
	}
}

func descend(v map[string]any, at string) map[string]any {
	for step := range strings.SplitSeq(at, "/") {
		if step != "" {
			v = v[strings.ReplaceAll(step, "~", "/")].(map[string]any)
		}
	}
	return v
}

// takes tells of text whose meaning, not shape, is wrong: that the schema leaves to the parser.
func takes(key string, v any) bool {
	text, ok := v.(string)
	return ok && text != "" && key != "deadline" && key != "wait"
}
