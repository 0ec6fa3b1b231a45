package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/plan"
)

// rowPlan is a plan of services that each serve one method, and call those that the
// arrows say: "web>a a>b". web has the pages. A process is named as its first service.
func rowPlan(t *testing.T, arrows, processes, wait string, methods map[string]plan.Method) *plan.Plan {
	t.Helper()
	var text strings.Builder
	text.WriteString("version: 1\napp: row\nlink: http\nprocesses:\n")
	for services := range strings.SplitSeq(processes, "; ") {
		name, _, _ := strings.Cut(services, ",")
		text.WriteString("  " + name + ": {services: [" + services + "]")
		if name == "web" {
			text.WriteString(", web: 127.0.0.1:0")
		}
		text.WriteString("}\n")
	}
	if wait != "" {
		text.WriteString("methods: " + wait + "\n")
	}
	p, err := plan.Parse("plan.yaml", []byte(text.String()), rowModel(arrows, processes, methods))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func rowModel(arrows, processes string, methods map[string]plan.Method) plan.Model {
	m := plan.Model{App: "row", Links: []plan.Link{{Scheme: "http", Streams: true}}}
	for name := range strings.SplitSeq(strings.ReplaceAll(processes, "; ", ","), ",") {
		s := plan.Service{Name: name, Web: name == "web"}
		if name != "web" {
			method := methods[name]
			method.Name = name + ".v1.S/M"
			s.Methods = []plan.Method{method}
		}
		for arrow := range strings.FieldsSeq(arrows) {
			if from, to, _ := strings.Cut(arrow, ">"); from == name {
				s.Calls = append(s.Calls, to)
			}
		}
		m.Services = append(m.Services, s)
	}
	return m
}

func TestPagesThatWaitOnALongChain(t *testing.T) {
	t.Parallel()
	const apart = "web; a; b; c; d"
	empty := map[string]plan.Method{"b": {AnswersEmpty: true}}
	for name, c := range map[string]struct {
		arrows, processes, wait string
		methods                 map[string]plan.Method
		chain, hint             string
	}{
		"two calls are no long chain":     {arrows: "web>a a>b b>web", processes: apart},
		"three are":                       {arrows: "web>a a>b b>c", processes: apart, chain: "web -> a -> b -> c"},
		"of five the first three do":      {arrows: "web>a a>b b>c c>d", processes: apart, chain: "web -> a -> b -> c"},
		"nobody waits for a branch twice": {arrows: "web>a web>b web>c web>d a>b a>c", processes: apart},
		"a shorter way does not hide the longer one": {
			arrows: "web>a web>b web>c a>b b>c", processes: apart, chain: "web -> a -> b -> c",
		},
		"a way that ends does not hide one that goes on": {
			arrows: "web>a web>b a>c b>c c>a", processes: apart, chain: "web -> b -> c -> a",
		},
		"a ring is gone round once":         {arrows: "web>a a>b b>a", processes: apart},
		"a hop within a process is no wait": {arrows: "web>a a>b b>c", processes: "web; a,b; c; d"},
		"one process waits for nobody":      {arrows: "web>a a>b b>c c>d", processes: "web,a,b,c,d"},
		"a ring with a way out is too long": {
			arrows: "web>a a>b b>a b>c", processes: apart, chain: "web -> a -> b -> c",
		},
		"hops within processes may lie about": {
			arrows: "web>a a>b b>c c>d", processes: "web; a; b,c; d", chain: "web -> a -> b -> c -> d",
		},
		"a chain that no page begins is not looked at": {
			arrows: "a>b b>c c>d", processes: apart,
		},
		"nobody waits for what is only sent": {
			arrows: "web>a a>b b>c", processes: apart, methods: empty, wait: "{b.v1.S/M: {wait: sent}}",
		},
		"what needs no reply is named": {
			arrows: "web>a a>b b>c", processes: apart, methods: empty, chain: "web -> a -> b -> c", hint: "of b.v1.S/M",
		},
		"a stream is no wait": {
			arrows: "web>a a>b b>c", processes: apart, methods: map[string]plan.Method{"b": {ServerStream: true}},
		},
		"the one answer of a client's stream is": {
			arrows: "web>a a>b b>c", processes: apart, methods: map[string]plan.Method{"b": {ClientStream: true}},
			chain: "web -> a -> b -> c",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := rowPlan(t, c.arrows, c.processes, c.wait, c.methods)
			if c.chain == "" {
				if len(p.Warnings) > 0 {
					t.Errorf("warns: %v", p.Warnings)
				}
				return
			}
			if len(p.Warnings) != 1 || !strings.HasSuffix(p.Warnings[0].What, ": "+c.chain) ||
				!strings.HasSuffix(p.Warnings[0].Hint, c.hint) || p.Warnings[0].Line != 5 {
				t.Errorf("got %+v, want the chain %s", p.Warnings, c.chain)
			}
		})
	}
}

// dense has all services call each other, but for web, which nobody calls.
func dense(services []string) string {
	var arrows strings.Builder
	for _, from := range services {
		for _, to := range services {
			if from != to && to != "web" {
				fmt.Fprintf(&arrows, "%s>%s ", from, to)
			}
		}
	}
	return arrows.String()
}

func TestChainsAreFoundWhereThirtyServicesCallEachOther(t *testing.T) {
	t.Parallel()
	services := append(make([]string, 0, 30), "web")
	for i := range 29 {
		services = append(services, fmt.Sprintf("s%d", i))
	}
	together, apart := strings.Join(services, ","), strings.Join(services, "; ")
	for name, c := range map[string]struct{ arrows, processes, chain string }{
		"all apart":    {"", apart, "web -> s0 -> s1 -> s2"},
		"all together": {"", together, ""},
		"together, and three apart that two of them know": {
			"s27>a s28>b a>c b>c c>a", together + "; a; b; c", "web -> s28 -> b -> c -> a",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := rowPlan(t, dense(services)+c.arrows, c.processes, "", nil)
			switch {
			case c.chain == "" && len(p.Warnings) > 0:
				t.Errorf("warns: %v", p.Warnings)
			case c.chain != "" && (len(p.Warnings) != 1 || !strings.HasSuffix(p.Warnings[0].What, ": "+c.chain)):
				t.Errorf("got %v, want the chain %s", p.Warnings, c.chain)
			}
		})
	}
}
