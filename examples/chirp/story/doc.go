// Package story walks through Chirp as its visitors do, in a real browser and
// with plain HTTP, and asserts what they see. The tests of the app call it under
// each plan, and those of the monolith wired by hand: the same story everywhere.
//
//	func TestStoryInABrowser(t *testing.T) {
//		browser := story.NewBrowser(t)
//		kerftest.Run(t, app(), plans, func(t *testing.T, env *kerftest.Env) {
//			story.Browse(t, browser, story.Site{URL: env.URL(), Clients: clients(env)})
//		})
//	}
//
// Browse needs chromium, which is looked for in $CHROMIUM and in PATH. Without it
// the test is skipped, or fails if KERF_TEST_COMPLETE=1. What a page looked like
// when a test failed is kept, and the failure names the files.
package story

import "github.com/kerf-go/kerf/examples/chirp/web"

// Site is a running Chirp: where its pages are, and the services behind them, of
// which the story only asks what is stored, and lets them write what would take
// long by hand. It expects the site to be empty.
type Site struct {
	URL string
	web.Clients

	// Gateway tells that one is before the pages, and refuses addresses that have no meaning.
	Gateway bool
}
