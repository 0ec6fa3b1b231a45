package plan_test

import (
	"strings"
	"testing"

	"github.com/kerf-go/kerf/plan"
)

func TestTheTableNamesEveryMethod(t *testing.T) {
	t.Parallel()
	many := plan.Service{Name: "many"}
	for name := range strings.FieldsSeq("Users/Get Users/Rename Groups/Get Groups/Rename Groups/AddSeveralUsers") {
		many.Methods = append(many.Methods, plan.Method{Name: "many.v1." + name})
	}
	many.Methods = append(many.Methods,
		plan.Method{Name: "many.v1.Users/Watch", ServerStream: true},
		plan.Method{Name: "many.v1.Users/Export", ServerStream: true})
	p := plan.Monolith(plan.Model{App: "app", Services: []plan.Service{
		{Name: "web", Calls: []string{"many"}, Web: true}, many,
	}})
	var out strings.Builder
	if err := p.Table(&out); err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(out.String(), "\n\nCALLER")
	got, _, _ = strings.Cut(got, "\n\nPOLICY")
	got = "CALLER" + got + "\n"
	const want = `CALLER      CALLEE  METHODS                                        LINK    WAIT   DEADLINE
web     ->  many    Users/Get, Users/Rename, Groups/Get,           inproc  reply  5s
                    Groups/Rename, Groups/AddSeveralUsers
                    Watch (server stream), Export (server stream)  inproc  reply  none
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
