package rate

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/kerf-go/kerf/transcode"
)

// Key tells whose a request is. Requests with the same key share a limit.
type Key func(r *http.Request) string

// ByClient tells requests apart by the addresses of their clients. Those of IPv6 are taken
// by their first 64 bits, which is what one customer is given at least.
func ByClient(address func(context.Context) netip.Addr) Key {
	return func(r *http.Request) string {
		a := address(r.Context())
		if a.Is6() {
			if p, err := a.WithZone("").Prefix(64); err == nil { //nolint:mnd // told above
				a = p.Addr()
			}
		}
		return "client:" + a.String()
	}
}

// ByName takes what a request is called, such as its user, and other for requests
// without a name.
func ByName(kind string, name func(*http.Request) string, other Key) Key {
	return func(r *http.Request) string {
		n := name(r)
		if n == "" {
			return other(r)
		}
		return kind + ":" + n
	}
}

// ByText takes a text that may be long or a secret, and is hashed, and other for requests without.
func ByText(kind string, text func(*http.Request) string, other Key) Key {
	return ByName(kind, func(r *http.Request) string {
		value := text(r)
		if value == "" {
			return ""
		}
		sum := sha256.Sum256([]byte(value))
		return base64.RawURLEncoding.EncodeToString(sum[:16])
	}, other)
}

// ByHeader takes the value of a header, and other for requests without.
func ByHeader(name string, other Key) Key {
	return ByText("header", func(r *http.Request) string { return r.Header.Get(name) }, other)
}

// Limiter is a limit with a name, and who it is held for.
type Limiter struct {
	name   string
	store  Store
	key    Key
	policy string // for RateLimit-Policy
}

// NewLimiter makes a Limiter. Its name, which clients see, is of letters, digits, _, - and dots.
func NewLimiter(name string, s Store, k Key) *Limiter {
	l := s.Limit()
	return &Limiter{name, s, k, fmt.Sprintf(`"%s";q=%d;w=%d`, name, l.burst(), seconds(l.window()))}
}

// Handler lets requests through that are within every limit, and answers others with 429. Each
// answer has RateLimit and RateLimit-Policy as of draft-ietf-httpapi-ratelimit-headers-10,
// where the quota is the burst, and the window the time in which that comes back.
func Handler(next http.Handler, all ...*Limiter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, l := range all {
			d := l.store.Take(r.Context(), l.key(r))
			l.tell(w.Header(), d)
			if !d.Allowed {
				transcode.WriteError(w, r, l.refusal(d))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

const (
	limitHeader  = "Ratelimit"
	policyHeader = "Ratelimit-Policy"
)

// tell adds a limit to those that an answer tells of.
func (l *Limiter) tell(h http.Header, d Decision) {
	now := make([]byte, 0, len(l.name)+24) //nolint:mnd // two numbers
	now = append(append(append(now, '"'), l.name...), `";r=`...)
	now = append(strconv.AppendInt(now, int64(d.Remaining), 10), ";t="...)
	now = strconv.AppendInt(now, seconds(d.Reset), 10)
	h[limitHeader] = append(h[limitHeader], string(now))
	h[policyHeader] = append(h[policyHeader], l.policy)
}

func (l *Limiter) refusal(d Decision) error {
	limit := l.store.Limit()
	s := status.Newf(codes.ResourceExhausted, "no more than %d requests in %s are taken here, and %d at once",
		limit.Requests, plainly(limit.Per), limit.burst())
	if told, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(d.Retry)}); err == nil {
		s = told
	}
	return s.Err()
}

// plainly writes 1m instead of 1m0s.
func plainly(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// seconds are whole ones, up.
func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }
