package lessons

import (
	"embed"
	"slices"

	"github.com/kerf-go/kerf/demo"
)

//go:embed plans/*.yaml
var plans embed.FS

// All are the lessons, in the order in which they are best watched.
func All() []demo.Lesson {
	all := slices.Concat(aboutPolicies(), aboutSystems())
	for i, l := range all {
		plan, _ := plans.ReadFile("plans/" + l.Name + ".yaml") // a test runs them all
		all[i].Plan = string(plan)
	}
	return all
}

// aboutPolicies are those about one policy each, between two services.
func aboutPolicies() []demo.Lesson {
	return []demo.Lesson{
		{
			Name: "breaker", Read: "docs/patterns/circuit-breaker.md", Run: breaker,
			Shows: "a callee hangs: its callers fail at once instead of waiting, and find out when it is back",
		},
		{
			Name: "deadline", Read: "docs/patterns/deadline.md", Run: deadline,
			Shows: "a callee is slow: nobody works for a page that has been given up, and the page comes in time",
		},
		{
			Name: "bulkhead", Read: "docs/patterns/bulkhead.md", Run: bulkhead,
			Shows: "a callee hangs: its caller waits with a few calls only, and its other pages are as ever",
		},
		{
			Name: "hedge", Read: "docs/patterns/hedge.md", Run: hedge,
			Shows: "one of two replicas pauses now and then: slow calls are made once more, and hardly any is slow",
		},
		{
			Name: "fallback", Read: "docs/patterns/fallback.md", Run: fallback,
			Shows: "a callee is down: the last answer that is known takes its place, and says so",
		},
		{
			Name: "ratelimit", Read: "docs/patterns/rate-limit.md", Run: rateLimit,
			Shows: "a caller wants more than there is: it gets its share, and another caller does not notice",
		},
		{
			Name: "panic", Read: "docs/patterns/panic-barrier.md", Run: panics, App: faulty,
			Shows: "a handler panics: its call fails, the process lives on, and the others do not notice",
		},
	}
}

// aboutSystems are those about what several things do together.
func aboutSystems() []demo.Lesson {
	return []demo.Lesson{
		{
			Name: "retrystorm", Read: "docs/patterns/load-shedding.md", Run: retrystorm,
			Shows: "a callee at a tenth of its capacity, under twice its load: it goes on with what it can do",
		},
		{
			Name: "replica-killed", Read: "docs/patterns/retry.md", Run: replicaKilled,
			Shows: "kill -9 of one of two replicas, under load: no page fails",
		},
		{
			Name: "rolling", Read: "docs/patterns/rolling-update.md", Run: rolling, App: slowLogIns,
			Shows: "every process is replaced by a new one, as in an update: no request fails",
		},
		{
			Name: "notify-down", Read: "docs/patterns/queue.md", Run: notifyDown, App: patient,
			Shows: "who posts does not need who tells the readers; and what a queue has accepted is not lost",
		},
		{
			Name: "upstream", Read: "docs/patterns/http-upstreams.md", Run: upstream,
			Shows: "an HTTP server fails now and then, and hangs: requests are repeated, or fail at once",
		},
		{
			Name: "loginstorm", Read: "docs/patterns/bulkhead.md", Run: loginStorm,
			Shows: "log-ins, which are dear, take neither all memory nor everybody's time: few are worked on at once",
		},
		{
			Name: "slow-database", Read: "docs/patterns/stores.md", Run: slowDatabase,
			Shows: "a database is slow: every wait has a bound, what is too much is refused, and readiness tells",
		},
	}
}
