package plan_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/policy"
)

// paying is chirp, of which two services ask HTTP servers.
func paying() plan.Model {
	m := chirp()
	m.Services[0].Upstreams = []string{"mail"}
	m.Services[4].Upstreams = []string{"payments", "mail", "search"}
	return m
}

const upstreams = `version: 1
app: chirp
upstreams:
  payments: {bulkhead: {calls: 5}, retry: off}
  search: {bulkhead: on, breaker: {open: 1s}, retry: {attempts: 2}}
`

func TestAPlanSaysWhichPoliciesUpstreamsHave(t *testing.T) {
	t.Parallel()
	p, err := plan.Parse("plan.yaml", []byte(upstreams), paying())
	if err != nil {
		t.Fatal(err)
	}
	own := policy.Settings{Breaker: &policy.Breaker{Open: time.Minute}, Retry: &policy.Retry{Attempts: 7}}
	s := p.Upstream("payments", own)
	if s.Bulkhead == nil || s.Bulkhead.Calls != 5 || s.Breaker != own.Breaker || s.Retry != nil {
		t.Errorf("got %+v", s)
	}
	if s := p.Upstream("mail", own); s != own {
		t.Errorf("of an upstream of which the plan says nothing: %+v", s)
	}
	var table, js bytes.Buffer
	if err := p.Table(&table); err != nil {
		t.Fatal(err)
	}
	const want = `
UPSTREAM  OF             POLICY    WHAT                                       FROM
mail      accounts, web  all       as the service has them                    the service
payments  web            bulkhead  5 calls, 5 wait at most 100ms              line 4: payments
                         retry     off                                        line 4: payments
                         others    as the service has them                    the service
search    web            bulkhead  256 calls, 256 wait at most 100ms          line 5: search
                         breaker   50% of 20 calls in 10s, open 1s, 3 probes  line 5: search
                         retry     2 attempts, pauses 25ms to 1s, budget 10%  line 5: search
`
	if got := table.String(); !strings.HasSuffix(got, want) {
		t.Errorf("got\n%s\nwant at its end\n%s", got, want)
	}
	if err := p.JSON(&js); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(js.String()), " ")
	for _, want := range []string{
		`{ "name": "mail", "services": [ "accounts", "web" ] }`,
		`"policies": { "bulkhead": "5 calls, 5 wait at most 100ms", "retry": "off" }`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, &js)
		}
	}
}

func TestAPlanRefusesWhatNoUpstreamCanHave(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]string{
		"payment: {retry: off}": `plan.yaml:4:3: no service has an upstream "payment"; did you mean payments?`,
		"payments: {hedge: on}": "plan.yaml:4:21: hedge of upstream payments is not for HTTP servers; leave it out: " +
			"what is slow is asked again after retry: {timeout: ...}",
		"payments: {retry: {backoff: 2s}}": "plan.yaml:4:21: the first pause of retry is up to 2s, and the longest " +
			"of all is 1s; write a backoff of at most 1s, or most: 2s",
	} {
		_, err := plan.Parse("plan.yaml", []byte("version: 1\napp: chirp\nupstreams:\n  "+entry+"\n"), paying())
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", entry, err, want)
		}
	}
}

func TestUpstreamsOfServicesThatThePlanDoesNotRunAreNotShown(t *testing.T) {
	t.Parallel()
	m := paying()
	m.Services[4].Optional = true
	p, err := plan.Parse("plan.yaml", []byte("version: 1\napp: chirp\n"), m)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := p.Table(&out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Contains(got, "payments") || !strings.Contains(got, "mail ") {
		t.Errorf("got\n%s", got)
	}
}
