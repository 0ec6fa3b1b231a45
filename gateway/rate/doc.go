// Package rate limits how often a client, a user or a route may be asked for.
//
//	limit := rate.Limit{Requests: 100, Per: time.Minute, Burst: 20}
//	limiter := rate.NewLimiter("public", rate.NewLocal(limit, 0), rate.ByClient(gateway.ClientAddr))
//	handler := rate.Handler(next, limiter)
//
// The algorithm is GCRA (ITU-T I.371): of each key only the time is kept at which it will have
// its whole burst again. It is a token bucket that needs no refilling. Local counts in this
// process, Shared counts in a Redis for all processes that name it, and locally while that
// is away.
package rate
