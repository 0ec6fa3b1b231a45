package gateway_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/kerf-go/kerf/internal/issuertest"
	"github.com/kerf-go/kerf/internal/redistest"
	"github.com/kerf-go/kerf/plan"
)

func TestRoutesHoldClientsToTheirRates(t *testing.T) {
	t.Parallel()
	b := setup(t, `
trusted: [127.0.0.0/8]
rates:
  client: {requests: 2, per: 1h}
  key: {by: header X-Key, requests: 1, per: 1h}
  all: {by: route, requests: 3, per: 1h}
routes:
  - {match: {path: /client}, rate: [client], answer: {body: a}}
  - {match: {path: /also-client}, rate: [client], answer: {body: a}}
  - {match: {path: /key}, rate: [key], answer: {body: a}}
  - {match: {path: /all}, rate: [all], answer: {body: a}}
  - {match: {path: /free}, answer: {body: a}}
`, nil)
	from := func(address string) string { return "X-Forwarded-For: " + address }
	for i, x := range []struct {
		path, header string
		code         int
	}{
		{"/client", from("192.0.2.1"), 200},
		{"/also-client", from("192.0.2.1"), 200},
		{"/client", from("192.0.2.1"), 429},
		{"/client", from("192.0.2.2"), 200},
		{"/client", from("2001:db8::1"), 200},
		{"/client", from("2001:db8::2"), 200},
		{"/client", from("2001:db8::3"), 429},
		{"/client", from("2001:db8:0:1::1"), 200},
		{"/key", "X-Key: one", 200},
		{"/key", "X-Key: one", 429},
		{"/key", "X-Key: two", 200},
		{"/key", "X-Other: by address", 200},
		{"/key", "X-Other: by address", 429},
		{"/all", from("192.0.2.1"), 200},
		{"/all", from("192.0.2.2"), 200},
		{"/all", from("192.0.2.3"), 200},
		{"/all", from("192.0.2.4"), 429},
		{"/free", from("192.0.2.1"), 200},
	} {
		got := b.do(t, "GET "+x.path, x.header)
		if got.StatusCode != x.code {
			t.Errorf("request %d, %s %s: %s", i+1, x.path, x.header, got.Status)
		}
		if limited := got.StatusCode == http.StatusTooManyRequests; limited != (got.Header.Get("Retry-After") != "") {
			t.Errorf("request %d: %v", i+1, got.Header)
		}
	}
}

func TestAUserIsLimitedWhereverTheRequestComesFrom(t *testing.T) {
	t.Parallel()
	b := setup(t, `
trusted: [127.0.0.0/8]
auth:
  key: {keys: {list: [{name: ada, sha256: `+hash("a")+`}, {name: bob, sha256: `+hash("b")+`}]}}
rates: {user: {by: user, requests: 1, per: 1h}, client: {requests: 3, per: 1h}}
routes: [{auth: [key], rate: [user, client], answer: {body: fine}}]
`, nil)
	for i, x := range []struct {
		key, from string
		code      int
	}{
		{"a", "192.0.2.1", 200},
		{"a", "192.0.2.2", 429},
		{"b", "192.0.2.1", 200},
		{"guess", "192.0.2.1", 401},
		{"guess", "192.0.2.1", 429},
	} {
		got := b.do(t, "GET /", "X-Api-Key: "+x.key, "X-Forwarded-For: "+x.from)
		if got.StatusCode != x.code {
			t.Errorf("request %d: %s %s", i+1, got.Status, got.body)
		}
	}
}

// Keys of one name share a rate, and so do callers with the same claim. Who has neither is counted
// by the address.
func TestRatesByKeyAndByClaim(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	b := setup(t, `
trusted: [127.0.0.0/8]
auth:
  key:
    keys:
      list:
        - {name: ada, sha256: `+hash("a")+`, claims: {tenant: acme}}
        - {name: ada, sha256: `+hash("new a")+`, claims: {tenant: acme}}
        - {name: bob, sha256: `+hash("b")+`, claims: {tenant: acme}}
        - {name: cyd, sha256: `+hash("c")+`, claims: {tenant: 7}}
        - {name: dan, sha256: `+hash("d")+`}
  token: {jwt: {issuer: "`+issuer.URL+`", audience: [posts-api], jwks: "`+issuer.URL+`/keys"}}
rates: {key: {by: key, requests: 1, per: 1h}, tenant: {by: claim tenant, requests: 1, per: 1h}}
routes:
  - {match: {path: /key}, auth: [key, token], rate: [key], answer: {}}
  - {match: {path: /tenant}, auth: [key, token], rate: [tenant], answer: {}}
`, nil)
	token := "Authorization: Bearer " + issuer.Token(t, jwt.MapClaims{
		"aud": "posts-api", "sub": "ada", "tenant": "acme",
	})
	for i, x := range []struct {
		path, credentials, from string
		code                    int
	}{
		{"/key", "X-Api-Key: a", "192.0.2.1", 200},
		{"/key", "X-Api-Key: new a", "192.0.2.2", 429},
		{"/key", "X-Api-Key: b", "192.0.2.1", 200},
		{"/key", token, "192.0.2.3", 200}, // who has no key, and the same name
		{"/key", token, "192.0.2.3", 429},
		{"/key", token, "192.0.2.4", 200},
		{"/tenant", "X-Api-Key: a", "192.0.2.1", 200},
		{"/tenant", "X-Api-Key: b", "192.0.2.2", 429},
		{"/tenant", token, "192.0.2.3", 429},
		{"/tenant", "X-Api-Key: c", "192.0.2.1", 200},
		{"/tenant", "X-Api-Key: c", "192.0.2.2", 429},
		{"/tenant", "X-Api-Key: d", "192.0.2.1", 200},
		{"/tenant", "X-Api-Key: d", "192.0.2.1", 429},
		{"/tenant", "X-Api-Key: d", "192.0.2.2", 200},
	} {
		got := b.do(t, "GET "+x.path, x.credentials, "X-Forwarded-For: "+x.from)
		if got.StatusCode != x.code {
			t.Errorf("request %d: %s %s", i+1, got.Status, got.body)
		}
	}
}

func hash(key string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(key))) }

func TestWhatWasCountedSurvivesAReloadUnlessTheRateChanges(t *testing.T) {
	t.Parallel()
	config := `
rates: {one: {requests: 1, per: %s}}
routes: [{rate: [one], answer: {body: %s}}]
`
	b := setup(t, fmt.Sprintf(config, "1h", "first"), nil)
	b.do(t, "GET /")
	for i, x := range []struct {
		per, body string
		code      int
	}{{"1h", "second", 429}, {"2h", "second", 200}, {"2h", "third", 429}} {
		b.write(t, fmt.Sprintf(config, x.per, x.body), nil)
		text, err := os.ReadFile(b.file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := plan.ReadDocument(b.file, text)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Reload(d); err != nil {
			t.Fatal(err)
		}
		if got := b.do(t, "GET /"); got.StatusCode != x.code {
			t.Errorf("reload %d: %s", i+1, got.Status)
		}
	}
}

func TestGatewaysThatShareRedisHoldARateTogether(t *testing.T) {
	t.Parallel()
	config := fmt.Sprintf(`
rates: {%q: {requests: 4, per: 20s, store: %q, patience: 10s}}
routes: [{rate: [%[1]q], answer: {body: fine}}]
`, "test"+rand.Text(), redistest.URL(t))
	both := []*bundle{setup(t, config, nil), setup(t, config, nil)}
	for i := range 6 {
		got := both[i%2].do(t, "GET /")
		if passed := got.StatusCode == http.StatusOK; passed != (i < 4) {
			t.Errorf("request %d: %s", i+1, got.Status)
		}
	}
}

func TestAGatewayAnswersWhileTheStoreOfItsRatesIsAway(t *testing.T) {
	t.Parallel()
	redis := redistest.New(t)
	b := setup(t, fmt.Sprintf(`
rates: {a: {requests: 10, per: 1h, store: %q, patience: 5s, share: 0.2}}
routes: [{rate: [a], answer: {body: fine}}]
`, redis.URL), nil)
	if got := b.do(t, "GET /"); got.Header.Get("Ratelimit") != `"a";r=9;t=360` {
		t.Errorf("%s %v", got.Status, got.Header)
	}
	redis.Kill(t)
	for i, want := range []int{200, 200, 429} {
		if got := b.do(t, "GET /"); got.StatusCode != want {
			t.Errorf("request %d without Redis: %s", i+1, got.Status)
		}
	}
}

func TestMistakesInRates(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`routes: [{rate: [^a], answer: {}}]`:                                `there is no rate "a"`,
		`rates: {^a: {per: 1m}}`:                                            "rate a: requests must be 1 or more",
		`rates: {a: {per: 1m, requests: ^0}}`:                               "rate a: requests must be 1 or more",
		`rates: {^a: {requests: 1}}`:                                        "rate a: per must be 1ms or more",
		`rates: {a: {requests: ^3000000, per: 1s}}`:                         "rate a: more than a million requests",
		`rates: {a: {requests: 1, per: ^10000h}}`:                           "rate a: a burst must come back",
		`rates: {a: {requests: 1, per: 1h, burst: ^9000}}`:                  "rate a: a burst must come back",
		`rates: {a: {requests: 1, per: 1m, by: ^me}}`:                       "rate a: by is client, user, key",
		`rates: {a: {requests: 1, per: 1m, by: ^"header a b"}}`:             "rate a: by is client",
		`rates: {a: {requests: 1, per: 1m, by: ^header X_A}}`:               `rate a: no request has the header "X_A"`,
		`rates: {a: {requests: 1, per: 1m, by: ^header Host}}`:              `rate a: no request has the header "Host"`,
		`rates: {a: {requests: 1, per: 1m, by: ^claim}}`:                    "rate a: by is client",
		`rates: {a: {requests: 1, per: 1m, store: ^"pg://s3cret@h"}}`:       "rate a: a store in Redis is",
		`rates: {a: {requests: 1, per: 1m, store: "redis://h", share: ^2}}`: "rate a: share is from 0.01 to 1",
		`rates: {a: {requests: 1, per: 1m, share: ^0.5}}`:                   "rate a: share is of no use",
		`rates: {a: {requests: 1, per: 1m, store: local, patience: ^1s}}`:   "rate a: patience is of no use",
		`rates: {^'a"': {requests: 1, per: 1m}}`:                            `"a\"" cannot be shown in a header`,
	} {
		toldAtMark(t, config, want)
		if err := wrong(t, strings.Replace(config, "^", "", 1)); strings.Contains(err.Error(), "s3cret") {
			t.Error(err)
		}
	}
}
