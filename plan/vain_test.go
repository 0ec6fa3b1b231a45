package plan_test

import (
	"strings"
	"testing"

	"github.com/kerf-go/kerf/plan"
)

func TestWaitsForAStoreAreNoLongerThanThoseOfCallers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ lines, want string }{
		"shorter":    {"store: {wait: 4s}", ""},
		"by default": {"deadline: 500ms", ""},
		"as long as a deadline": {
			"store: {wait: 5s}", "after 5s, and callers of accounts, follows and messages wait no longer than 5s",
		},
		"longer, in one service": {
			"store: {services: {accounts: {wait: 1s}}}\npolicies: {accounts: {deadline: 800ms}}",
			"after 1s, and callers of accounts wait no longer than 800ms",
		},
		"longer, but not there": {
			"deadline: 2s\n" +
				"store: {wait: 3s, services: {accounts: {wait: 1s}, follows: {wait: 1s}, messages: {wait: 1s}}}", "",
		},
		"longer than most wait": {
			"store: {services: {accounts: {wait: 6s}}}\n" +
				"methods: {chirp.accounts.v1.Accounts/LogIn: {deadline: 7s}}", "",
		},
		"where a stream waits for ever": {"store: {services: {notify: {wait: 1h}}}", ""},
		"of a service that none calls":  {"store: {services: {web: {wait: 1h}}}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := plan.Parse("plan.yaml", []byte("version: 1\napp: chirp\n"+c.lines+"\n"), chirp())
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case c.want == "" && len(p.Warnings) > 0:
				t.Errorf("warns: %v", p.Warnings)
			case c.want != "" && (len(p.Warnings) != 1 || !strings.HasSuffix(p.Warnings[0].What, c.want) ||
				p.Warnings[0].Line != 3):
				t.Errorf("got %v, want %s", p.Warnings, c.want)
			}
		})
	}
}

func TestPoliciesAreForServicesThatThePlanHas(t *testing.T) {
	t.Parallel()
	m := chirp()
	m.Services[1].Optional = true // follows
	const without = "link: http\nprocesses: {all: {services: [accounts, notify, messages, web], web: 127.0.0.1:0}}\n"
	for name, c := range map[string]struct{ entry, want string }{
		"of a service":              {"follows: {balance: off}", "of follows do nothing: no process has follows"},
		"of one of its methods":     {"chirp.follows.v1.Follows/Follow: {retry: off}", "no process has follows"},
		"of methods of others, too": {`"*/*Follow*": {retry: off}, "*/L*": {retry: off}`, "no process has follows"},
		"of one that it has":        {"accounts: {retry: off}", ""},
		"of all":                    {`"*": {retry: off}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "version: 1\napp: chirp\n" + without + "policies: {" + c.entry + "}\n"
			p, err := plan.Parse("plan.yaml", []byte(text), m)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" && len(p.Warnings) > 0 || c.want != "" &&
				(len(p.Warnings) != 1 || !strings.HasSuffix(p.Warnings[0].What, c.want) || p.Warnings[0].Line != 5) {
				t.Errorf("got %v, want %s", p.Warnings, c.want)
			}
		})
	}
}

func TestABalanceIsForWhoHasReplicas(t *testing.T) {
	t.Parallel()
	const processes = "link: http\nprocesses: {web: {services: [messages, web], web: 127.0.0.1:0}, " +
		"core: {services: [accounts, notify]}, follows: {services: [follows], replicas: 2}}\n"
	const vain = " does nothing: no call goes to one of several replicas"
	for name, c := range map[string]struct{ entry, want string }{
		"it has":                    {"follows: {balance: on}", ""},
		"it has one":                {"accounts: {balance: {health: 2s}}", "balance of accounts" + vain},
		"it has one, and off is so": {"accounts: {balance: off}", ""},
		"one of all has":            {`"*": {balance: on}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "version: 1\napp: chirp\n" + processes + "policies: {" + c.entry + "}\n"
			p, err := plan.Parse("plan.yaml", []byte(text), chirp())
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" && len(p.Warnings) > 0 || c.want != "" &&
				(len(p.Warnings) != 1 || p.Warnings[0].What != c.want || p.Warnings[0].Line != 5) {
				t.Errorf("got %v, want %s", p.Warnings, c.want)
			}
		})
	}
	p, err := plan.Parse("plan.yaml", []byte("version: 1\napp: chirp\npolicies: {\"*\": {balance: on}}\n"), chirp())
	if err != nil || len(p.Warnings) != 1 || p.Warnings[0].What != "balance of *"+vain {
		t.Errorf("in one process: %v, %v", p.Warnings, err)
	}
}
