package auth_test

import (
	"net/http"
	"testing"

	"github.com/kerf-go/kerf/gateway/auth"
)

func TestRulesHold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		claims map[string]any
		rule   auth.Rule
		passes bool
	}{
		"a text":                    {map[string]any{"plan": "gold"}, auth.Claim("plan", "gold"), true},
		"another text":              {map[string]any{"plan": "golden"}, auth.Claim("plan", "gold"), false},
		"no such claim":             {nil, auth.Claim("plan", "gold"), false},
		"a list with it":            {map[string]any{"roles": []any{"a", "b"}}, auth.Claim("roles", "b"), true},
		"a list without it":         {map[string]any{"roles": []any{"a b"}}, auth.Claim("roles", "b"), false},
		"a scope with it":           {map[string]any{"scope": "read write"}, auth.Claim("scope", "write"), true},
		"a scope that begins as it": {map[string]any{"scope": "writers"}, auth.Claim("scope", "write"), false},
		"words of what is no scope": {map[string]any{"name": "Ada admin"}, auth.Claim("name", "admin"), false},
		"a number":                  {map[string]any{"level": uint64(3)}, auth.Claim("level", "3"), true},
		"true":                      {map[string]any{"verified": true}, auth.Claim("verified", "true"), true},
		"within an object": {
			map[string]any{"a": map[string]any{"b": "c"}}, auth.Claim("a.b", "c"), true,
		},
		"a name with dots":               {map[string]any{"a.b": "c"}, auth.Claim("a.b", "c"), true},
		"nothing is no value":            {map[string]any{"x": ""}, auth.Claim("x", ""), false},
		"an object is no value":          {map[string]any{"x": map[string]any{}}, auth.Claim("x", "map[]"), false},
		"the subject":                    {nil, auth.Claim("sub", "ada"), true},
		"a claim sub is not the subject": {map[string]any{"sub": "eve"}, auth.Claim("sub", "eve"), false},
		"the owner":                      {nil, auth.Owner("sub", func(*http.Request) string { return "ada" }), true},
		"somebody else": {
			nil, auth.Owner("sub", func(*http.Request) string { return "eve" }), false,
		},
		"nobody owns what is about nobody": {
			nil, auth.Owner("absent", func(*http.Request) string { return "" }), false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := guarded(t, &auth.Guard{Rules: []auth.Rule{test.rule}}, auth.Config{Keys: &auth.KeysConfig{
				List: []auth.KeyConfig{{Name: "ada", SHA256: hashOf("key"), Claims: test.claims}},
			}})
			got := ask(t, "GET "+s.URL+"/x", "X-Api-Key: key")
			code := http.StatusForbidden
			if test.passes {
				code = http.StatusOK
			}
			if got.StatusCode != code {
				t.Error(got.Status)
			}
		})
	}
}

func TestAnyWaySuffices(t *testing.T) {
	t.Parallel()
	key := func(header, key string) auth.Config {
		list := []auth.KeyConfig{{Name: key, SHA256: hashOf(key)}}
		return auth.Config{Keys: &auth.KeysConfig{Header: header, List: list}}
	}
	s := guarded(t, &auth.Guard{}, key("X-A", "a"), key("X-B", "b"))
	for name, test := range map[string]struct {
		headers []string
		subject string
	}{
		"the first":                     {[]string{"X-A: a"}, "a"},
		"the second":                    {[]string{"X-B: b"}, "b"},
		"both, of which the first is":   {[]string{"X-A: a", "X-B: b"}, "a"},
		"the second beside a wrong one": {[]string{"X-A: x", "X-B: b"}, "b"},
		"none that is right":            {[]string{"X-A: b", "X-B: a"}, ""},
	} {
		got := ask(t, "GET "+s.URL+"/x", test.headers...)
		if subject := got.Header.Get("Seen-" + auth.SubjectHeader); subject != test.subject {
			t.Errorf("%s: %s, %q", name, got.Status, subject)
		}
		if test.subject == "" && len(got.Header.Values("WWW-Authenticate")) != 2 {
			t.Errorf("%s: %v", name, got.Header)
		}
	}
}
