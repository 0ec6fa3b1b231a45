package plan_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/plan"
)

type webConfig struct {
	Title   string         `yaml:"title"`
	Key     string         `yaml:"key"`
	Posts   uint8          `yaml:"posts"`
	Offset  int            `yaml:"offset"`
	Ratio   float64        `yaml:"ratio"`
	Live    bool           `yaml:"live"`
	Refresh time.Duration  `yaml:"refresh"`
	Level   slog.Level     `yaml:"level"`
	Hosts   []string       `yaml:"hosts"`
	Limits  map[string]int `yaml:"limits"`
	Mail    *mailConfig    `yaml:"mail"`
	Any     any            `yaml:"any"`
	Common  `yaml:",inline"`
}

type mailConfig struct {
	From string
	Port int
}

// Common is exported because only then can the decoder fill it.
type Common struct {
	Colour string `yaml:"colour"`
}

// configured parses a plan that configures web, in a folder with the files given.
func configured(t *testing.T, config string, files map[string]string) (*plan.Plan, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := "version: 1\napp: chirp\nconfig:\n  web:\n" + config
	return plan.Parse(filepath.Join(dir, "plan.yaml"), []byte(text), chirp())
}

func TestConfigTakesTheTypesOfTheStruct(t *testing.T) {
	t.Setenv("KERF_PLAN_TEST_NUMBER", "12")
	t.Setenv("KERF_PLAN_TEST_NEGATIVE", "-7")
	t.Setenv("KERF_PLAN_TEST_EMPTY", "")
	p, err := configured(t, `
    title: "Chirp ${env:KERF_PLAN_TEST_NUMBER}$${x} ${env:KERF_PLAN_TEST_EMPTY:-bird}${env:KERF_PLAN_TEST_EMPTY}"
    key: ${file:key}
    posts: ${env:KERF_PLAN_TEST_NUMBER}
    offset: ${env:KERF_PLAN_TEST_NEGATIVE}
    ratio: "${env:KERF_PLAN_TEST_NOT_SET:-0.5}"
    live: ${env:KERF_PLAN_TEST_NOT_SET:-true}
    refresh: ${env:KERF_PLAN_TEST_NOT_SET:-2s}
    level: WARN
    hosts: [a, "${env:KERF_PLAN_TEST_NUMBER}"]
    limits: {posts: 3, pages: "${env:KERF_PLAN_TEST_NUMBER}"}
    mail: {from: me, port: 25}
    any: {x: [1, two]}
    colour: >-
      blue
      ${env:KERF_PLAN_TEST_NUMBER}
`, map[string]string{"key": "0123: #\n"})
	if err != nil {
		t.Fatal(err)
	}
	want := webConfig{
		Title: "Chirp 12${x} bird", Key: "0123: #", Posts: 12, Offset: -7, Ratio: 0.5, Live: true,
		Refresh: 2 * time.Second, Level: slog.LevelWarn, Hosts: []string{"a", "12"},
		Limits: map[string]int{"posts": 3, "pages": 12}, Mail: &mailConfig{From: "me", Port: 25},
		Any: map[string]any{"x": []any{uint64(1), "two"}}, Common: Common{Colour: "blue 12"},
	}
	for range 2 { // decoding changes nothing in the plan
		var got webConfig
		if err := p.DecodeConfig("web", &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	}
}

func TestConfigLeavesDefaultsUntouched(t *testing.T) {
	t.Parallel()
	p, err := configured(t, "    title: x\n    mail: {from: you}\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := webConfig{Title: "default", Posts: 20, Mail: &mailConfig{From: "me", Port: 25}}
	if err := p.DecodeConfig("web", &got); err != nil {
		t.Fatal(err)
	}
	if got.Title != "x" || got.Posts != 20 || got.Mail.From != "you" || got.Mail.Port != 25 {
		t.Errorf("got %+v, %+v", got, got.Mail)
	}
	other := webConfig{Title: "default"}
	if err := p.DecodeConfig("accounts", &other); err != nil || other.Title != "default" {
		t.Errorf("nothing configured: got %+v, %v", other, err)
	}
}

func TestConfigMistakes(t *testing.T) {
	t.Parallel()
	wantMistakes(t, map[string]mistake{
		"an unknown key": {
			"    titel: x\n    zzz: y\n",
			"5:5: config.web has no key \"titel\"; did you mean title?\n" +
				"6:5: config.web has no key \"zzz\"; a key is one of any, colour, hosts, key, level, limits, live, " +
				"mail, offset, posts, ratio, refresh or title",
		},
		"an unknown key further down": {
			"    mail: {form: me}\n", "5:12: config.web.mail has no key \"form\"; did you mean from?",
		},
		"text for a number": {
			"    offset: many\n",
			"5:13: config.web.offset is text; it must be a whole number of 64 bits",
		},
		"a number too large": {
			"    posts: 256\n",
			"5:12: config.web.posts is the number 256; it must be a whole number from 0 to 255",
		},
		"a number for text": {
			"    title: 1.20\n",
			"5:12: config.web.title is the number 1.20; it must be text: put it in quotes",
		},
		"a number for a time": {
			"    refresh: 5\n",
			"5:14: config.web.refresh is the number 5; it must be a time with its unit, such as 500ms or 2s",
		},
		"text for a list": {
			"    hosts: a\n",
			"5:12: config.web.hosts is text; it must be a list",
		},
		"a list for a mapping": {
			"    limits: [1]\n",
			"5:13: config.web.limits is a list; it must be a mapping",
		},
		"a mapping for text": {
			"    title: {a: b}\n",
			"5:12: config.web.title is a mapping; it must be text: put it in quotes",
		},
		"a fraction for a whole": {
			"    limits: {a: 1.5}\n",
			"5:17: config.web.limits.a is the number 1.5; it must be a whole number of 64 bits",
		},
		"a wrong word in a list": {
			"    hosts: [a, [b]]\n",
			"5:16: config.web.hosts[1] is a list; it must be text: put it in quotes",
		},
	})
}

// mistake is what a plan configures, and what DecodeConfig says of it.
type mistake struct{ config, want string }

func wantMistakes(t *testing.T, rows map[string]mistake) {
	t.Helper()
	for name, c := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := configured(t, c.config, map[string]string{"secret": "hunter2"})
			if err != nil {
				t.Fatal(err)
			}
			var into webConfig
			err = p.DecodeConfig("web", &into)
			if err == nil {
				t.Fatalf("it was taken: %+v", into)
			}
			if got := strings.ReplaceAll(err.Error(), p.File+":", ""); got != c.want {
				t.Errorf("\ngot  %s\nwant %s", got, c.want)
			}
			if errs, ok := errors.AsType[plan.Errors](err); !ok || errs[0].Line == 0 {
				t.Errorf("%T has no place", err)
			}
		})
	}
}

func TestConfigWantsAPointer(t *testing.T) {
	t.Parallel()
	p, err := configured(t, "    title: x\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.DecodeConfig("web", webConfig{}); err == nil {
		t.Error("a struct that is no pointer was taken")
	}
}
