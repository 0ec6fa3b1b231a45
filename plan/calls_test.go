package plan_test

import (
	"fmt"
	"testing"

	"github.com/kerf-go/kerf/plan"
)

func TestHTTP1CarriesNoStreamsInBothDirections(t *testing.T) {
	t.Parallel()
	const (
		head = "version: 1\napp: chirp\nprocesses:\n  edge: {services: [web]}\n"
		rest = "  rest: {services: [accounts, follows, messages, notify], listen: 'http://127.0.0.1:9001'"
		chat = "chirp.notify.v1.Notify/Chat"
	)
	mistake := func(version string) string {
		return "plan.yaml:5:99: " + chat + " streams in both directions, which HTTP/1.1 cannot; leave http=" + version +
			" out of reach, or name another link for this method, under methods"
	}
	for name, c := range map[string]struct{ text, want string }{
		"HTTP/2 does":                      {rest + "}\n", ""},
		"so it does where it is asked for": {rest + ", reach: 'http://rest:9001?http=2'}\n", ""},
		"a reach asks for it":              {rest + ", reach: 'http://rest:9001?http=1'}\n", mistake("1")},
		"among other things": {
			rest + ", reach: 'http://rest:9001?codec=json&http=1.1'}\n", mistake("1.1"),
		},
		"unless the stream goes another way": {
			rest + ", reach: 'http://rest:9001?http=1', methods: {" + chat + ": {link: nats}}}\n", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := chirp()
			notify := &m.Services[2]
			notify.Methods = append(notify.Methods, plan.Method{Name: chat, ClientStream: true, ServerStream: true})
			got := ""
			if _, err := plan.Parse("plan.yaml", []byte(head+c.text), m); err != nil {
				got = fmt.Sprint(err)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
