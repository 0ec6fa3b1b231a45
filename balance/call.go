package balance

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// Call is one call, or stream, on the endpoint that was picked for it.
type Call struct {
	ctx      context.Context //nolint:containedctx // the call's own, for what its end changes
	endpoint *endpoint
	conn     link.Conn
	began    time.Time // zero: nobody else could be picked, so it does not matter
}

// Conn reaches the endpoint.
func (c Call) Conn() link.Conn { return c.conn }

// URL is the endpoint's.
func (c Call) URL() string { return c.endpoint.url }

// Done ends the call with its error, as the link gave it. It must be called once: of a
// stream, when that has ended. The next pick knows of the failure.
func (c Call) Done(err error) {
	e := c.endpoint
	if link.Ran(err) == link.Answered {
		e.heard.Add(1)
	}
	if err != nil || e.doubted.Load() {
		c.judge(err)
	}
	e.end()
}

// judge notes what the call's end says of the endpoint.
func (c Call) judge(err error) {
	e, v := c.endpoint, c.verdict(err)
	if v == silent || v == answered && !e.doubted.Load() {
		return
	}
	b := e.balancer
	b.mu.Lock()
	defer b.unlock()
	now := time.Now()
	if v == answered {
		e.answered(c.began)
	} else {
		e.failed(err, v == unreachable, now)
	}
	if e.stateAt(now) != e.state {
		b.renew(c.ctx, now)
	}
}

// verdict is what a call's end says of the endpoint.
type verdict int

const (
	silent verdict = iota // nothing
	answered
	failed
	unreachable
)

// verdict follows the table in the package's documentation.
func (c Call) verdict(err error) verdict {
	const fair = 100 * time.Millisecond // in less an endpoint that is fine may not answer either
	ran := link.Ran(err)
	switch status.Code(err) { //nolint:exhaustive // all others are alike
	case codes.Unavailable:
		if ran == link.Answered {
			return failed
		}
		return unreachable
	case codes.Internal:
		if ran != link.NeverSent {
			return failed
		}
	case codes.Unknown:
		if ran == link.MayHaveRun {
			return failed
		}
	case codes.DeadlineExceeded:
		if !c.began.IsZero() && time.Since(c.began) >= fair {
			return failed
		}
		return silent
	}
	if ran == link.Answered {
		return answered
	}
	return silent
}
