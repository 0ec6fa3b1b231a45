package plan_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/apipb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/policy"
)

func TestAFallbacksAnswerFitsWhatItsMethodsGive(t *testing.T) {
	t.Parallel()
	m := chirp()
	follows := m.Services[1].Methods
	follows[0].Output = new(emptypb.Empty).ProtoReflect().Descriptor() // Follow
	follows[1].Output = new(apipb.Api).ProtoReflect().Descriptor()     // AllFollowing
	const all = "chirp.follows.v1.Follows/AllFollowing"
	for name, c := range map[string]struct{ of, answer, want string }{
		"no field at all":                {"follows", "{}", ""},
		"fields that are there":          {all, "{name: ann, methods: [{requestTypeUrl: x}]}", ""},
		"one that is not":                {all, "{color: ann}", `Follows/AllFollowing gives: unknown field "color"`},
		"one that is not, deeper":        {all, "{methods: [{x: 1}]}", `unknown field "x"`},
		"a value of another type":        {all, "{name: 5}", `invalid value for string field name: 5`},
		"a field of only one of many":    {"follows", "{name: ann}", "google.protobuf.Empty"},
		"a method that nothing is known": {"messages", "{any: thing}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "version: 1\napp: chirp\npolicies:\n  " + c.of + ": {fallback: {answer: " + c.answer + "}}\n"
			_, err := plan.Parse("plan.yaml", []byte(text), m)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) ||
				!strings.HasPrefix(err.Error(), "plan.yaml:4:") || strings.Contains(err.Error(), "line 1")):
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestTheMostSpecificEntryCounts(t *testing.T) {
	t.Parallel()
	const method = "chirp.follows.v1.Follows/AllFollowing"
	rising := []string{
		`"*"`, `"*/*"`, `"chirp.*/*"`, "follows", "chirp.follows.v1.Follows/*", `"*/All*"`, `"*/AllFollowing"`,
		"chirp.follows.v1.Follows/AllF*", method,
	}
	for i, less := range rising[:len(rising)-1] {
		more := rising[i+1]
		for name, entries := range map[string]string{
			"it comes first": more + ": {bulkhead: {calls: 7}}, " + less + ": {bulkhead: {calls: 9}}",
			"it comes last":  less + ": {bulkhead: {calls: 9}}, " + more + ": {bulkhead: {calls: 7}}",
		} {
			text := "version: 1\napp: chirp\npolicies: {" + entries + "}\n"
			p, err := plan.Parse("plan.yaml", []byte(text), chirp())
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Policy(method).Bulkhead.Calls; got != 7 {
				t.Errorf("%s before %s, and %s: the other counts", more, less, name)
			}
		}
	}
}

// A queue takes requests for a callee that is down, whose breaker is open.
func TestAQueueHasABreakerOfItsOwn(t *testing.T) {
	t.Parallel()
	const replied, accepted = "chirp.follows.v1.Follows/AllFollowing", "chirp.follows.v1.Follows/Follow"
	for name, said := range map[string]string{
		"by default":               "",
		"of one entry":             "policies: {follows: {breaker: {calls: 5}, bulkhead: {calls: 9}}}\n",
		"of an entry for all else": "policies: {\"*\": {breaker: {calls: 5}, bulkhead: {calls: 9}}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := plan.Parse("plan.yaml", []byte("version: 1\napp: chirp\nlink: nats\n"+said+
				"methods: {"+accepted+": {wait: accepted}}\n"+`processes:
  web: {services: [web, messages, accounts, notify], web: 127.0.0.1:0}
  follows: {services: [follows]}
`), chirp())
			if err != nil {
				t.Fatal(err)
			}
			out := policy.NewOutbound(nil)
			call := func(method string, ends codes.Code) error {
				return out.Method(p.Policy(method))(t.Context(), "/"+method, nil, nil, nil, func(
					context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption,
				) error {
					return status.Error(ends, "it ends so")
				})
			}
			for range 30 {
				err = call(replied, codes.Internal)
			}
			if status.Code(err) != codes.Unavailable {
				t.Errorf("its breaker is not open: %v", err)
			}
			if err := call(accepted, codes.OK); err != nil {
				t.Error(err)
			}
			if p.Policy(replied).Bulkhead.Scope == p.Policy(accepted).Bulkhead.Scope {
				t.Error("they share the places of a bulkhead")
			}
		})
	}
}
