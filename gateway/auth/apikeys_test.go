package auth_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/gateway/auth"
	"github.com/kerf-go/kerf/plan"
)

func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

func TestKeysTellWhoCalls(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.yaml")
	more := "list:\n  - {name: filed, sha256: " + hashOf("second") + ", claims: {scope: [read]}}\n"
	if err := os.WriteFile(file, []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	config := auth.Config{Claims: []string{"scope"}, Keys: &auth.KeysConfig{
		Header: "x-api-key", Query: "key", File: plan.Path(file),
		List: []auth.KeyConfig{
			{Name: "listed", SHA256: hashOf("first")},
			{Name: "long", SHA256: hashOf(strings.Repeat("first", 300))},
			{Name: "alike", SHA256: hashOf("fourth")[:16] + strings.Repeat("0", 48)},
		},
	}}
	s := guarded(t, &auth.Guard{}, config)
	pass := config
	pass.Pass = true
	passing := guarded(t, &auth.Guard{}, pass)
	for name, test := range map[string]struct {
		request string
		headers []string
		subject string
		query   string
	}{
		"by its header":                {"GET /x?a=1&b=2", []string{"X-Api-Key: first"}, "listed", "a=1&b=2"},
		"of a file":                    {"GET /x", []string{"X-Api-Key: second"}, "filed", ""},
		"by its parameter":             {"GET /x?a=%20&key=first&b", nil, "listed", "a=%20&b"},
		"by its encoded parameter":     {"GET /x?%6Bey=fi%72st", nil, "listed", ""},
		"unknown":                      {"GET /x", []string{"X-Api-Key: third"}, "", ""},
		"one whose hash begins alike":  {"GET /x", []string{"X-Api-Key: fourth"}, "", ""},
		"the hash is no key":           {"GET /x", []string{"X-Api-Key: " + hashOf("first")}, "", ""},
		"none":                         {"GET /x?keys=first", nil, "", ""},
		"one that is empty":            {"GET /x?key", nil, "", ""},
		"two headers":                  {"GET /x", []string{"X-Api-Key: first", "X-Api-Key: first"}, "", ""},
		"two parameters":               {"GET /x?key=first&key=first", nil, "", ""},
		"a header and a parameter":     {"GET /x?key=second", []string{"X-Api-Key: first"}, "", ""},
		"a subject that a client says": {"GET /x", []string{"X-Auth-Subject: listed"}, "", ""},
		"a long one":                   {"GET /x", []string{"X-Api-Key: " + strings.Repeat("first", 300)}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ask(t, strings.Replace(test.request, " ", " "+s.URL, 1), test.headers...)
			code := http.StatusOK
			if test.subject == "" {
				code = http.StatusUnauthorized
			}
			h := got.Header
			if got.StatusCode != code || h.Get("Seen-"+auth.SubjectHeader) != test.subject ||
				h.Get("Seen-Query") != test.query || h.Get("Seen-X-Api-Key") != "" {
				t.Errorf("%s, %v", got.Status, h)
			}
			if code == http.StatusUnauthorized && h.Get("WWW-Authenticate") != `ApiKey header="X-Api-Key"` {
				t.Errorf("challenge %q", h.Get("WWW-Authenticate"))
			}
		})
	}
	t.Run("passed on where that is asked for", func(t *testing.T) {
		t.Parallel()
		got := ask(t, "GET "+passing.URL+"/x", "X-Api-Key: first")
		if got.Header.Get("Seen-X-Api-Key") != "first" {
			t.Errorf("%v", got.Header)
		}
		got = ask(t, "GET "+passing.URL+"/x", "X-Api-Key: second")
		if told := got.Header.Get("Seen-" + auth.ClaimsHeader); told != `{"scope":["read"]}` {
			t.Errorf("claims %s", told)
		}
	})
}

func TestMistakesOfKeysAreTold(t *testing.T) {
	t.Parallel()
	good := auth.KeyConfig{Name: "a", SHA256: hashOf("a")}
	for want, config := range map[string]auth.KeysConfig{
		"there are none":         {},
		"is for something else":  {Header: "authorization", List: []auth.KeyConfig{good}},
		"is no header":           {Header: "a b", List: []auth.KeyConfig{good}},
		"is no name":             {List: []auth.KeyConfig{{SHA256: hashOf("a")}}},
		"has no sha256":          {List: []auth.KeyConfig{{Name: "a", SHA256: strings.Repeat("00", 33)}}},
		"a and b have the same":  {List: []auth.KeyConfig{good, {Name: "b", SHA256: hashOf("a")}}},
		"no such file or direct": {File: "/nowhere/keys.yaml"},
	} {
		_, err := auth.New("way", auth.Config{Keys: &config}, auth.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
	if _, err := auth.New("way", auth.Config{}, auth.Options{}); err == nil {
		t.Error("a way without any kind is taken")
	}
}
