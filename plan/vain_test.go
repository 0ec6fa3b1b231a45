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
