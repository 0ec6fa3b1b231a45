package plan_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/plan"
)

const (
	logIn     = "chirp.accounts.v1.Accounts/LogIn"
	deliver   = "chirp.notify.v1.Notify/Deliver"
	subscribe = "chirp.notify.v1.Notify/Subscribe"
)

func parse(t *testing.T, text string) *plan.Plan {
	t.Helper()
	p, err := plan.Parse("dir/plan.yaml", []byte("version: 1\napp: chirp\n"+text), chirp())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestMonolithIsOneProcessWithEverything(t *testing.T) {
	t.Parallel()
	p := plan.Monolith(chirp())
	want := []plan.Process{{
		Name: "chirp", Services: []string{"accounts", "follows", "notify", "messages", "web"},
		Web: "127.0.0.1:8080", Replicas: 1,
	}}
	if !reflect.DeepEqual(p.Processes, want) {
		t.Errorf("got %+v", p.Processes)
	}
	if p.Admin != "127.0.0.1:0" || p.Store != (plan.Store{}) || p.File != "" || p.Home("notify") != "chirp" {
		t.Errorf("got %+v", p)
	}
	for _, c := range p.Calls {
		if c.Link != "inproc" || c.FromProcess != "chirp" || c.ToProcess != "chirp" {
			t.Errorf("within a process: %+v", c)
		}
	}
	if len(p.Calls) != 2+2+2+3+2+2+2 {
		t.Errorf("%d calls", len(p.Calls))
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	p := parse(t, "")
	q := parse(t, "deadline: 2s\nmethods:\n  "+logIn+": {deadline: 10s}\n  "+
		subscribe+": {deadline: 1h}\n  "+deliver+": {share: true}\n")
	for name, c := range map[string]struct {
		got, want time.Duration
	}{
		"any method waits five seconds":         {p.Deadline(logIn), 5 * time.Second},
		"a leading slash makes no difference":   {q.Deadline("/" + logIn), 10 * time.Second},
		"a stream has none":                     {p.Deadline(subscribe), 0},
		"a method has its own":                  {q.Deadline(logIn), 10 * time.Second},
		"a stream may have one":                 {q.Deadline(subscribe), time.Hour},
		"another has the plan's":                {q.Deadline(deliver), 2 * time.Second},
		"one that nobody knows has the default": {q.Deadline("a.B/C"), 2 * time.Second},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", name, c.got, c.want)
		}
	}
	if !q.Shared("/"+deliver) || !q.Shared(deliver) || q.Shared(logIn) || p.Shared(deliver) {
		t.Error("share is not what the plan says")
	}
}

func TestWhatAProcessSaysOfItsMethodsGoesFirst(t *testing.T) {
	t.Parallel()
	p := parse(t, `
link: http
methods:
  `+deliver+`: {deadline: 2s, share: true}
processes:
  edge: {services: [web]}
  rest: {services: [accounts, follows, notify, messages], methods: {`+deliver+`: {deadline: 1s, link: udp}}}
`)
	if p.Deadline(deliver) != time.Second || !p.Shared(deliver) {
		t.Errorf("deadline %v, shared %v", p.Deadline(deliver), p.Shared(deliver))
	}
	for _, c := range p.Calls {
		want := "http"
		switch {
		case c.From != "web":
			want = "inproc"
		case c.Method == deliver:
			want = "udp"
		}
		if c.Link != want || c.Shared != (want == "inproc" && c.Method == deliver) {
			t.Errorf("%s to %s by %s, shared %v", c.From, c.Method, c.Link, c.Shared)
		}
	}
	rest, ok := p.Process("rest")
	if !ok || !reflect.DeepEqual(rest.More, []plan.Listener{{Link: "udp", Listen: "udp://127.0.0.1:0"}}) {
		t.Errorf("rest: %+v", rest)
	}
	if _, ok := p.Process("nobody"); ok || p.Home("nobody") != "" {
		t.Error("somebody is nobody")
	}
}

func TestListeners(t *testing.T) {
	t.Parallel()
	const rest = "  edge: {services: [web]}\n  rest: {services: [accounts, follows, notify, messages]"
	for name, c := range map[string]struct {
		text       string
		edge, rest plan.Listener
	}{
		"who is not called does not listen": {
			"link: http\nprocesses:\n" + rest + "}\n",
			plan.Listener{},
			plan.Listener{Link: "http", Listen: "http://127.0.0.1:0"},
		},
		"a fixed port is reached where it listens": {
			"processes:\n" + rest + ", listen: 'http://localhost:9001'}\n",
			plan.Listener{},
			plan.Listener{Link: "http", Listen: "http://localhost:9001", Reach: "http://localhost:9001"},
		},
		"every address is reached by loopback": {
			"insecure: true\nprocesses:\n" + rest + ", listen: 'http://0.0.0.0:9001'}\n",
			plan.Listener{},
			plan.Listener{Link: "http", Listen: "http://0.0.0.0:9001", Reach: "http://127.0.0.1:9001"},
		},
		"so it is with IPv6": {
			"insecure: true\nprocesses:\n" + rest + ", listen: 'http://[::]:9001'}\n",
			plan.Listener{},
			plan.Listener{Link: "http", Listen: "http://[::]:9001", Reach: "http://[::1]:9001"},
		},
		"a link may be told how to reach it": {
			"processes:\n" + rest + ", listen: 'http://localhost:9001', reach: 'http://rest:9001?http=1&codec=json'}\n",
			plan.Listener{},
			plan.Listener{
				Link: "http", Listen: "http://localhost:9001", Reach: "http://rest:9001?http=1&codec=json",
			},
		},
		"a link of its own makes a process listen": {
			"link: http\nprocesses:\n  edge: {services: [web], link: udp}\n" +
				"  rest: {services: [accounts, follows, notify, messages]}\n",
			plan.Listener{Link: "udp", Listen: "udp://127.0.0.1:0"},
			plan.Listener{Link: "http", Listen: "http://127.0.0.1:0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := parse(t, c.text)
			edge, _ := p.Process("edge")
			rest, _ := p.Process("rest")
			if edge.Listener != c.edge || rest.Listener != c.rest {
				t.Errorf("edge %+v, rest %+v", edge.Listener, rest.Listener)
			}
		})
	}
}

func TestPathsStartAtThePlan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "plan.yaml")
	if err := os.WriteFile(file, []byte("version: 1\napp: chirp\nstore: sqlite:data\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := plan.Resolve(file, chirp())
	if err != nil {
		t.Fatal(err)
	}
	if want := "sqlite:" + filepath.ToSlash(filepath.Join(dir, "data")); p.Store.URL != want {
		t.Errorf("got %s, want %s", p.Store.URL, want)
	}
}

func TestHostileFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"too large":        {strings.Repeat("# x\n", 1<<19), "larger than 1048576 bytes"},
		"many brackets":    {strings.Repeat("[", 1<<19), "nested more than 32 deep"},
		"many dashes":      {strings.Repeat("- ", 1<<19), "nested more than 32 deep"},
		"many braces":      {strings.Repeat("{a: ", 1<<17), "nested more than 32 deep"},
		"many anchors":     {strings.Repeat("&a ", 1<<18), "no anchors"},
		"a NUL":            {"version: 1\x00", "not UTF-8"},
		"many wrong keys":  {"{" + strings.Repeat("verzion: 1, ", 1<<13) + "}", "twice"},
		"many keys":        {strings.Repeat("k: {}\n", 1<<14), "more than 10000 keys"},
		"many wrong lines": {strings.Repeat("k: {}\n", 1<<13), "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := plan.Parse("plan.yaml", []byte(c.text), chirp())
			errs, ok := errors.AsType[plan.Errors](err)
			if !ok || !strings.Contains(err.Error(), c.want) || len(errs) > 100 || len(err.Error()) > 1<<16 {
				t.Errorf("%d mistakes: %.300v", len(errs), err)
			}
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := plan.Resolve(filepath.Join(dir, "no.yaml"), chirp()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := plan.Resolve(dir, chirp()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Resolve(large, chirp()); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a large file: %v", err)
	}
}

func TestEditorsAndTheirBytes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a byte order mark":     "\ufeffversion: 1\napp: chirp\n",
		"lines as Windows ends": "version: 1\r\napp: chirp\r\n",
		"a document mark":       "# a plan\n---\nversion: 1\napp: chirp\n",
		"JSON":                  `{"version": 1, "app": "chirp"}`,
		"no last newline":       "version: 1\napp: chirp",
	} {
		if _, err := plan.Parse("plan.yaml", []byte(text), chirp()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// onlyAccounts is a program that has one service, and knows of another.
func onlyAccounts(process string) plan.Model {
	m := chirp()
	m.Services = []plan.Service{m.Services[0], m.Services[1]}
	m.Services[1].Absent = true
	m.Process = process
	return m
}

const manyPrograms = `
version: 1
app: chirp
link: http
processes:
  web: {services: [web]}
  accounts: {services: [accounts], command: [./accounts]}
  rest: {services: [notify, messages, follows]}
methods:
  ` + logIn + `: {deadline: 9s}
  ` + deliver + `: {wait: accepted, link: nats}
  chirp.accounts.v1.Accounts/LogOut: {link: udp}
config:
  web: {title: x}
`

func TestAProgramNeedsToKnowOnlyItsOwnProcess(t *testing.T) {
	t.Parallel()
	p, err := plan.Parse("plan.yaml", []byte(manyPrograms), onlyAccounts("accounts"))
	if err != nil {
		t.Fatal(err)
	}
	q, _ := p.Process("accounts")
	http := plan.Listener{Link: "http", Listen: "http://127.0.0.1:0"}
	udp := plan.Listener{Link: "udp", Listen: "udp://127.0.0.1:0"}
	if q.Listener != http || !reflect.DeepEqual(q.More, []plan.Listener{udp}) {
		t.Errorf("its callers cannot reach it: %+v", q)
	}
	if !reflect.DeepEqual(q.Command, []string{"./accounts"}) || p.Deadline(logIn) != 9*time.Second {
		t.Errorf("%+v, deadline %v", q, p.Deadline(logIn))
	}
	for process, wants := range map[string][]string{
		"":         {`no service "web"`, `no service "notify"`, "service follows is not in this program"},
		"web":      {`no service "web"`},
		"rest":     {`no service "notify"`, "service follows is not in this program"},
		"accounts": nil,
	} {
		_, err := plan.Parse("plan.yaml", []byte(manyPrograms), onlyAccounts(process))
		if (err == nil) != (wants == nil) {
			t.Errorf("as %q: %v", process, err)
		}
		for _, want := range wants {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("as %q: %v, without %s", process, err, want)
			}
		}
	}
	p, err = plan.Parse("plan.yaml", []byte("version: 1\napp: chirp\n"), onlyAccounts(""))
	if err != nil || !reflect.DeepEqual(p.Processes[0].Services, []string{"accounts"}) || p.Home("follows") != "" {
		t.Errorf("without processes it runs not what it has: %+v, %v", p, err)
	}
}

func TestMethodsThatTheAppDoesNotHaveGoByWhatHoldsForAll(t *testing.T) {
	t.Parallel()
	p, err := plan.Parse("plan.yaml", []byte("version: 1\napp: chirp\npolicies:\n"+
		"  '*': {breaker: off, bulkhead: {calls: 7}, hedge: on, fallback: {last: true}, idle: 5m}\n"+
		"  "+subscribe+": {idle: off}\n"), chirp())
	if err != nil {
		t.Fatal(err)
	}
	if p.Policy(subscribe).Idle != nil {
		t.Error("a stream has an idle limit, for which that is off")
	}
	s := p.Policy("/other.v1.Other/Do")
	if s.Breaker != nil || s.Bulkhead.Calls != 7 || s.Retry == nil || s.Hedge != nil || s.Fallback != nil ||
		s.Idle.Limit != 5*time.Minute {
		t.Errorf("got %+v", s)
	}
}
