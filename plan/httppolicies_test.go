package plan_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/policy"
)

type proxyConfig struct {
	Name     string            `yaml:"name"`
	Policies plan.HTTPPolicies `yaml:"policies"`
}

func proxied(t *testing.T, text string) (plan.HTTPPolicies, error) {
	t.Helper()
	d, err := plan.ReadDocument("proxy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var config proxyConfig
	err = d.Decode(&config)
	return config.Policies, err
}

func TestPoliciesOfHTTPServersAreReadAsAPlansAre(t *testing.T) {
	t.Setenv("KERF_PLAN_TEST_CALLS", "7")
	got, err := proxied(t, `
name: x
policies:
  bulkhead: {calls: "${env:KERF_PLAN_TEST_CALLS}", queue: off}
  breaker: {failures: 30%, open: 2s}
  retry: off
  balance: {failures: 2, slowstart: off}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Defaults()
	want.Bulkhead = &policy.Bulkhead{Calls: 7, Queue: -1}
	want.Breaker = &policy.Breaker{Failures: 0.3, Open: 2 * time.Second}
	want.Retry = nil
	if !reflect.DeepEqual(got.Settings(), want) {
		t.Errorf("%+v", got.Settings())
	}
	if b := got.Balance(); !reflect.DeepEqual(b, balance.Options{Failures: 2, SlowStart: -1}) {
		t.Errorf("%+v", b)
	}
}

func TestPoliciesOfHTTPServersHaveDefaults(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"name: x", "policies:", "policies: {}", "policies: {bulkhead: on}"} {
		got, err := proxied(t, text)
		if err != nil || !reflect.DeepEqual(got.Settings(), policy.Defaults()) ||
			!reflect.DeepEqual(got.Balance(), balance.Options{}) {
			t.Errorf("%s: %+v %+v %v", text, got.Settings(), got.Balance(), err)
		}
	}
	got, err := proxied(t, "policies: {balance: off}")
	if err != nil || !reflect.DeepEqual(got.Balance(), balance.Off()) {
		t.Errorf("%+v %v", got.Balance(), err)
	}
}

func TestMistakesInPoliciesOfHTTPServersAreTold(t *testing.T) {
	t.Setenv("KERF_PLAN_TEST_SECRET", "hush")
	t.Setenv("KERF_PLAN_TEST_MANY", "5000000")
	for policies, want := range map[string]string{
		"on":                               `:1:11: policies is "on"; it must be a mapping with`,
		"{bulkhead: {calls: 0}}":           ":1:30: calls of bulkhead of policies is the number 0; it must",
		"{breaker: yes}":                   `is "yes"; it must be on, off, or a mapping with failures`,
		"{retry: {backoff: 2s, most: 1s}}": ":1:19: the first pause of retry is up to 2s, and the longest of all is 1s",
		"{rety: off}":                      ":1:12: policies has no key \"rety\"; did you mean retry?",
		"{replicas: 2}":                    "no key \"replicas\"; its keys are bulkhead, breaker, retry and balance",
		"{hedge: on}":                      ":1:19: hedge of policies is not for HTTP servers; leave it out",
		"{fallback: {last: true}}":         "a route's cache may answer",
		"{admission: on}":                  "bulkhead bounds",
		"{rate: {calls: 1}}":               "add one to rates",
		"{idle: 1m}":                       "limits and a route's timeout",
		"{deadline: 1s}":                   "write a timeout of the upstream",
		"{wait: sent}":                     ":1:18: wait of policies is not for HTTP servers",
		"{balance: {health: 1s}}":          "write health: {path: /healthz, every: 1s} beside policies",
		"{balance: {failures: '${env:KERF_PLAN_TEST_SECRET}'}}": "failures of balance of policies is, " +
			"when expanded, something else; it must be a whole number",
		"{balance: {failures: '${env:KERF_PLAN_TEST_MANY}'}}": "is, when expanded, something else",
	} {
		_, err := proxied(t, "policies: "+policies)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nand not %s", policies, err, want)
		} else if strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "5000000") {
			t.Errorf("%s: a secret shows: %v", policies, err)
		}
	}
}
