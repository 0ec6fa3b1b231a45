package run

import (
	"net/url"
	"path/filepath"
	"testing"

	"github.com/kerf-go/kerf/plan"
)

func TestStoreAndStatusLieInOneFolder(t *testing.T) {
	users, plans, said := t.TempDir(), filepath.Join(t.TempDir(), "my data"), t.TempDir()
	t.Setenv("XDG_DATA_HOME", users) // hence not parallel
	store := "sqlite://" + (&url.URL{Path: filepath.ToSlash(plans)}).String()
	own := filepath.Join(users, "pair")
	for name, c := range map[string]struct { //nolint:paralleltest // they share an environment
		store, said, folder, left string
	}{
		"the user's":                         {"", "", own, ""},
		"the plan's":                         {store, "", plans, ""},
		"the plan's, without slashes":        {"sqlite:my%20data", "", "my data", ""},
		"the command line's":                 {store, said, said, ""},
		"the user's, beside a store far off": {"postgres://far/db", "", own, "postgres://far/db"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &plan.Plan{App: "pair", Store: plan.Store{URL: c.store}}
			folder, err := settle(p, c.said)
			if err != nil {
				t.Fatal(err)
			}
			if folder != c.folder || p.Store.URL != c.left {
				t.Errorf("folder %q and store %q, want %q and %q", folder, p.Store.URL, c.folder, c.left)
			}
		})
	}
}
