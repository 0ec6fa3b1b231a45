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

func TestTheTableSaysThatOnlyIdempotentMethodsAreHedged(t *testing.T) {
	t.Parallel()
	service := func(name string) plan.Service {
		return plan.Service{Name: name, Methods: []plan.Method{
			{Name: name + ".v1.S/Get", Idempotent: true},
			{Name: name + ".v1.S/List", Idempotent: true},
			{Name: name + ".v1.S/Add"},
		}}
	}
	model := plan.Model{App: "app", Services: []plan.Service{
		{Name: "web", Calls: []string{"a", "b"}, Web: true}, service("a"), service("b"),
	}}
	for policies, want := range map[string]string{
		`"*": {hedge: on}`:                    "hedge after the 95th percentile all idempotent line 4: *",
		`a: {hedge: on}`:                      "hedge after the 95th percentile all idempotent of a line 4: a",
		`a.v1.S/Get: {hedge: on}`:             "hedge after the 95th percentile S/Get line 4: a.v1.S/Get",
		`"*": {hedge: off}`:                   "hedge off all idempotent line 4: *",
		`{"*": {hedge: on}, a: {hedge: off}}`: "off all idempotent of a line 4: a",
	} {
		p, err := plan.Parse("plan.yaml", []byte("version: 1\napp: app\npolicies:\n  "+policies+"\n"), model)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := p.Table(&out); err != nil {
			t.Fatal(err)
		}
		got := strings.Join(strings.Fields(out.String()), " ")
		if !strings.Contains(got, want) {
			t.Errorf("%s: no %q in\n%s", policies, want, &out)
		}
	}
}
