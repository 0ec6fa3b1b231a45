package plan_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/plan"
)

// TestAProcessNeedsOnlyItsOwnSecrets reads a plan whose secrets are not here, and
// the configuration of a service that has none.
func TestAProcessNeedsOnlyItsOwnSecrets(t *testing.T) {
	t.Parallel()
	p, err := configured(t, "    title: ${env:KERF_PLAN_TEST_NOT_SET}\n    key: ${file:key}\n"+
		"  accounts: {title: mine}\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := p.Table(&out); err != nil {
		t.Error(err)
	}
	var own webConfig
	if err := p.DecodeConfig("accounts", &own); err != nil || own.Title != "mine" {
		t.Errorf("got %q, %v", own.Title, err)
	}
	var other webConfig
	errs, _ := errors.AsType[plan.Errors](p.DecodeConfig("web", &other))
	if len(errs) != 2 || errs[0].Line != 5 || errs[1].Line != 6 {
		t.Errorf("the secrets of web are missing, and it says %v", errs)
	}
}

// TestSecretsAreReadWhenAsked changes a secret after the plan was read.
func TestSecretsAreReadWhenAsked(t *testing.T) {
	t.Parallel()
	p, err := configured(t, "    key: ${file:key}\n", map[string]string{"key": "old"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"old", "new"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(p.File), "key"), []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		var got webConfig
		if err := p.DecodeConfig("web", &got); err != nil || got.Key != want {
			t.Errorf("got %q, %v; want %q", got.Key, err, want)
		}
	}
}

func TestSecretMistakes(t *testing.T) {
	t.Parallel()
	const needs = "config.web.title needs the environment variable KERF_PLAN_TEST_NOT_SET, which is not set; " +
		"set it, or give a default: ${env:KERF_PLAN_TEST_NOT_SET:-default}"
	wantMistakes(t, map[string]mistake{
		"a secret for a number": {
			"    posts: ${file:secret}\n",
			"5:12: config.web.posts is, when expanded, something else; it must be a whole number from 0 to 255",
		},
		"a secret for a type of its own": {
			"    level: ${file:secret}\n",
			"5:5: config.web cannot be decoded; see what the service's plan_test.webConfig takes",
		},
		"a variable that is not set, and a mistake behind it": {
			"    title: \"${file:secret} ${env:KERF_PLAN_TEST_NOT_SET}\"\n    offset: many\n",
			"5:12: " + needs + "\n6:13: config.web.offset is text; it must be a whole number of 64 bits",
		},
		"a variable that is not set, for a number": {
			"    posts: ${env:KERF_PLAN_TEST_NOT_SET}\n",
			"5:12: " + strings.Replace(needs, "title", "posts", 1),
		},
		"files that are not there": {
			"    hosts: [\"${file:no/such/key}\", \"${file:.}\"]\n",
			"5:13: config.web.hosts[0] needs the file \"no/such/key\", which does not exist; " +
				"relative paths start at the plan's folder\n" +
				"5:36: config.web.hosts[1] needs the file \".\", which cannot be read; " +
				"relative paths start at the plan's folder",
		},
	})
}

// TestSecretsNeverShow looks through everything a plan and its errors can print.
func TestSecretsNeverShow(t *testing.T) {
	t.Setenv("KERF_PLAN_TEST_SECRET", "hunter2")
	p, err := configured(t, "    title: ${env:KERF_PLAN_TEST_SECRET}\n    key: ${file:key}\n"+
		"store: postgres://chirp:hunter2@127.0.0.1/chirp\n", map[string]string{"key": "hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := errors.Join(p.Table(&out), p.Mermaid(&out), p.JSON(&out)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Errorf("a secret shows:\n%s", out.String())
	}
	if p.Store.URL != "postgres://chirp:hunter2@127.0.0.1/chirp" {
		t.Errorf("the store itself lost its password: %s", p.Store.URL)
	}
}

func TestALargeFileCannotBeNamedForEver(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 1<<20)
	hosts := "    hosts: [" + strings.Repeat("\"${file:large}\", ", 20) + "]\n"
	p, err := configured(t, hosts, map[string]string{"large": large})
	if err != nil {
		t.Fatal(err)
	}
	var into webConfig
	err = p.DecodeConfig("web", &into)
	const want = "config.web.hosts[16] expands the configuration to more than"
	if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), want[:16]) != 1 {
		t.Errorf("%.300v", err)
	}
}
