package run

import (
	"path/filepath"
	"testing"

	"github.com/kerf-go/kerf/plan"
)

func TestStoreAndStatusLieInOneFolder(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", "/home/ann/data") // hence not parallel
	for name, c := range map[string]struct {    //nolint:paralleltest // they share an environment
		store, said, folder, left string
	}{
		"the user's":                         {"", "", "/home/ann/data/pair", ""},
		"the plan's":                         {"sqlite:///srv/my%20data", "", "/srv/my data", ""},
		"the plan's, without slashes":        {"sqlite:my%20data", "", "my data", ""},
		"the command line's":                 {"sqlite:///srv/data", "/tmp/x", "/tmp/x", ""},
		"the user's, beside a store far off": {"postgres://far/db", "", "/home/ann/data/pair", "postgres://far/db"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &plan.Plan{App: "pair", Store: c.store}
			folder, err := settle(p, c.said)
			if err != nil {
				t.Fatal(err)
			}
			if folder != filepath.FromSlash(c.folder) || p.Store != c.left {
				t.Errorf("folder %q and store %q, want %q and %q", folder, p.Store, c.folder, c.left)
			}
		})
	}
}
