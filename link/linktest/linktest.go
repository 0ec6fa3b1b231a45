package linktest

import (
	"cmp"
	"crypto/rand"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/link"
)

// Subject is a link under test.
type Subject struct {
	Link link.Link

	// URL is where the suite listens, such as "http://127.0.0.1:0". Each server
	// needs an address of its own: a URL with a path, or without a port, gets a random
	// ending.
	URL string

	// Name is what testdata/cases.txt calls the subject; empty: by the link's scheme.
	Name string

	// plain is set where the oracle is run against itself: exceptions do not hold
	// for it, and its errors carry no outcome.
	plain bool

	patience time.Duration // 0: the suite's own
}

// Exercise runs every case on the subject and on the oracle, each as a subtest,
// and compares what they saw. Cases that measure run first and alone, the others
// in parallel. It takes up to half a minute under the race detector.
func Exercise(t *testing.T, s Subject) {
	t.Helper()
	full, refused := 0, 0
	for _, r := range rows() {
		if s.plain && excepted(r.name, s.Link.Scheme()) != nil {
			continue
		}
		if r.beyond(s.Link.Capabilities()) != nil {
			refused++
		} else {
			full++
		}
		t.Run(r.name, func(t *testing.T) {
			if !r.alone {
				t.Parallel()
			}
			for _, d := range r.differences(s) {
				t.Error(d)
			}
		})
	}
	name := cmp.Or(s.Name, s.Link.Scheme())
	t.Logf("link %s: %d cases, %d of them refused for want of a capability", name, full+refused, refused)
	if err := checkCounts(name, full, refused); err != nil {
		t.Error(err)
	}
}

// address gives a URL to listen on that nobody else listens on.
func (s Subject) address() (*url.URL, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	switch ending := "-" + strings.ToLower(rand.Text()); {
	case u.Path != "":
		u.Path += ending
	case u.Port() == "":
		u.Host += ending
	}
	return u, nil
}
