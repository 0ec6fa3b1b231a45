package lessons_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/examples/chirp/accounts"
	"github.com/kerf-go/kerf/examples/chirp/follows"
	"github.com/kerf-go/kerf/examples/chirp/lessons"
	"github.com/kerf-go/kerf/examples/chirp/messages"
	"github.com/kerf-go/kerf/examples/chirp/notify"
	"github.com/kerf-go/kerf/examples/chirp/trends"
	"github.com/kerf-go/kerf/examples/chirp/web"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/plan"
)

// inNoPlan are the lessons about something that is no line of a plan.
var inNoPlan = map[string]bool{"deadline": true, "panic": true, "upstream": true}

func TestEachLessonHasAPlanThatCanBe(t *testing.T) {
	t.Parallel()
	model := kit.Batteries().Model(kerf.App{Name: "chirp", Services: []kerf.Service{
		accounts.Service(), follows.Service(), messages.Service(), notify.Service(), trends.Service(), web.Service(),
	}})
	for _, l := range lessons.All() {
		t.Run(l.Name, func(t *testing.T) {
			t.Parallel()
			seen, parts := map[string]bool{l.Plan: true}, l.Parts()
			for _, part := range append(parts, "") {
				without := l.Without(part)
				same := inNoPlan[l.Name] || part == "" && len(parts) == 1 // the rest is in no plan
				if seen[without] != same {
					t.Errorf("without %q its plan is\n%s", part, without)
				}
				seen[without] = true
			}
			for text := range seen {
				file := filepath.Join(t.TempDir(), l.Name+".yaml")
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				if _, err := plan.Resolve(file, model); err != nil {
					t.Error(err)
				}
			}
			if l.Shows == "" || !strings.HasPrefix(l.Read, "docs/patterns/") {
				t.Errorf("it says %q and %q", l.Shows, l.Read)
			}
		})
	}
}
