package fleet_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/fleet"
)

func TestLogsAreMergedByWholeLines(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{}, child("chatty", "web"), child("chatty", "accounts")).ready(t)
	if err := b.end(t); err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^(web     |accounts|fleet   ) [|+] ([^\n]*)\n$`)
	endless := map[string]int{}
	count := map[string]int{}
	for _, write := range b.out.writes {
		parts := line.FindStringSubmatch(write)
		if parts == nil {
			t.Fatalf("not one whole line: %.100q", write)
		}
		name := strings.TrimSpace(parts[1])
		if name == "fleet" {
			continue
		}
		if strings.Trim(parts[2], name[:1]) == "" {
			endless[name] += len(parts[2])
			continue
		}
		count[name+": "+parts[2]]++
	}
	for _, name := range []string{"web", "accounts"} {
		if endless[name] != 1<<20 {
			t.Errorf("%s: %d bytes of the endless line", name, endless[name])
		}
		if count[name+": together"] != 20 || count[name+": "+name+" complains"] != 20 {
			t.Errorf("%s: lines lost or torn: %v", name, count)
		}
	}
	if len(count) != 4 {
		t.Errorf("lines that nobody wrote: %v", count)
	}
}

func TestColoursOnlyWhereWanted(t *testing.T) {
	t.Parallel()
	wanted := true
	for name, row := range map[string]struct {
		color *bool
		has   bool
	}{
		"none by default when the output is no terminal": {nil, false},
		"when asked for": {&wanted, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := run(t, fleet.Options{Color: row.color}, child("serve", "web")).ready(t)
			if err := b.end(t); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(b.out.String(), "\x1b["); got != row.has {
				t.Errorf("coloured: %t", got)
			}
			if !strings.Contains(b.out.String(), "draining within 1") {
				t.Error("the log is lost")
			}
		})
	}
}

func TestEventsAreSeenBehindHalfALine(t *testing.T) {
	t.Parallel()
	b := run(t, fleet.Options{}, child("foreign", "web")).ready(t)
	poll(t, "all lines are there", func() bool {
		return b.out.before("web   | half a line\n", "web   | \x1ekerf is no event\n")
	})
	if strings.Contains(b.out.String(), "ready") {
		t.Error("an event is in the log")
	}
	if err := b.Kill(t.Context(), "web"); err != nil {
		t.Error(err)
	}
}
