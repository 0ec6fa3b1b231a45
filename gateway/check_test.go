package gateway_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/gateway"
)

// wrong gives what is said of a configuration that is wrong.
func wrong(t *testing.T, config string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := gateway.Open(file, gateway.Options{})
	if err == nil {
		_ = g.Close()
	}
	return err
}

func TestValuesThatCannotBeMeantAreTold(t *testing.T) {
	t.Parallel()
	const upstream = "upstreams: {one: {urls: ['http://127.0.0.1:9']%s}}\n"
	for config, want := range map[string]string{
		"limits: {header: -1}":                                                      ":1:18: -1 is negative",
		"limits: {header_time: -5s}":                                                ":1:23: -5s is negative",
		"limits: {idle_time: -1s}":                                                  ":1:21: -1s is negative",
		"limits: {streams: -4}":                                                     ":1:19: -4 is negative",
		"limits: {drain_time: -1s}":                                                 ":1:22: -1s is negative",
		strings.ReplaceAll(upstream, "%s", ", timeout: -1s"):                        ":1:58: -1s is negative",
		strings.ReplaceAll(upstream, "%s", ", host: banana"):                        "write keep or url",
		strings.ReplaceAll(upstream, "%s", ", health: {path: nope}"):                "begins with a slash",
		strings.ReplaceAll(upstream, "%s", ", health: {path: /well, every: -1s}"):   ":1:78: -1s is negative",
		"routes: [{answer: {code: 1000}}]":                                          "1000 is no status of an answer",
		"routes: [{answer: {code: 99}}]":                                            "99 is no status of an answer",
		"routes: [{answer: {body: x}, timeout: -5s}]":                               ":1:39: -5s is negative",
		"routes: [{answer: {body: x}, rewrite: no-slash}]":                          "a path begins with a slash",
		"routes: [{match: {path: '/a/{x}'}, answer: {body: x}, rewrite: '/b/{y}'}]": "nothing stands for {y}",
		"routes: [{redirect: {to: 'https://{hots}{path}'}}]":                        "nothing stands for {hots}",
	} {
		err := wrong(t, config)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, and not %s", config, err, want)
		}
	}
}
