package plan_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/apipb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf/plan"
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
