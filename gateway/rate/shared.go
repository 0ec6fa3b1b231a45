package rate

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/kerf-go/kerf/internal/mistake"
)

const (
	// DefaultPatience is how long a request waits for Redis.
	DefaultPatience = 50 * time.Millisecond

	leastShare = 0.01

	askAgain  = 500 * time.Millisecond // Redis, after it was away
	askedTime = time.Second            // for it to answer then
)

//go:embed take.lua
var takeText string

// Options are those of a Shared. Their zero value is valid.
type Options struct {
	Patience time.Duration // how long a request waits for Redis; 0: DefaultPatience
	Share    float64       // of the limit, that each process allows while Redis is away; 0: all of it
	Keys     int           // told apart meanwhile; 0: DefaultKeys
	Logger   *slog.Logger  // nil: slog.Default()
}

// Shared counts in Redis, for all who use the same one and the same name. While Redis is
// away, requests do not wait for it: each process counts for itself.
type Shared struct {
	limit  Limit
	prefix string
	o      Options
	client *redis.Client
	take   *redis.Script
	local  *Local

	away   atomic.Bool     // and then asking has a goroutine
	ending context.Context //nolint:containedctx // of the goroutine of asking
	end    context.CancelFunc
	asking sync.WaitGroup
}

var _ Store = (*Shared)(nil)

// NewShared makes a Shared of a limit that was checked. It connects when it is used. url is
// such as redis://:password@host:6379/0, or rediss:// for TLS; errors do not repeat it.
func NewShared(url, name string, l Limit, o Options) (*Shared, error) {
	settings, err := redis.ParseURL(url)
	if err != nil {
		return nil, mistake.At(errors.New("a store in Redis is such as redis://127.0.0.1:6379/0"), "store")
	}
	o.Patience, o.Share = cmp.Or(o.Patience, DefaultPatience), cmp.Or(o.Share, 1)
	if !(o.Share >= leastShare && o.Share <= 1) { // also if it is no number
		return nil, mistake.At(errors.New("share is from 0.01 to 1"), "share")
	}
	o.Logger = cmp.Or(o.Logger, slog.Default()).With("rate", name, "redis", settings.Addr)
	settings.MaxRetries = -1 // counting twice is worse than not at all
	settings.ContextTimeoutEnabled = true
	settings.PoolTimeout = o.Patience
	settings.DialTimeout = askedTime
	settings.DialerRetries = 1
	settings.DisableIdentity = true
	settings.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	s := &Shared{
		limit: l, prefix: "kerf:rate:" + name + ":", o: o,
		client: redis.NewClient(settings), take: redis.NewScript(takeText),
		local: NewLocal(l.share(o.Share), o.Keys),
	}
	s.ending, s.end = context.WithCancel(context.Background())
	return s, nil
}

// Take counts a request.
func (s *Shared) Take(ctx context.Context, key string) Decision {
	if s.away.Load() {
		return s.local.Take(ctx, key)
	}
	// It is done soon, and a connection on which an answer is awaited would be lost with the client.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.Patience)
	defer cancel()
	missing, err := s.ask(ctx, key)
	if err != nil {
		s.leave(err)
		return s.local.Take(ctx, key)
	}
	return s.limit.decide(missing)
}

// ask counts a request in Redis, and tells what was missing of the burst before.
func (s *Shared) ask(ctx context.Context, key string) (missing time.Duration, err error) {
	us, err := s.take.Run(ctx, s.client, []string{s.prefix + key},
		s.limit.interval().Microseconds(), s.limit.window().Microseconds()).Int64()
	return time.Duration(us) * time.Microsecond, err
}

// leave lets requests be counted here until Redis answers again.
func (s *Shared) leave(why error) {
	if !s.away.CompareAndSwap(false, true) {
		return
	}
	s.o.Logger.Warn("the store of a rate is away: requests are counted here meanwhile",
		"share", s.o.Share, "error", why)
	s.asking.Go(func() {
		ticker := time.NewTicker(askAgain)
		defer ticker.Stop()
		for {
			select {
			case <-s.ending.Done():
				return
			case <-ticker.C:
			}
			ctx, cancel := context.WithTimeout(s.ending, askedTime)
			back := s.isBack(ctx)
			cancel()
			if back {
				s.away.Store(false)
				s.o.Logger.Info("the store of a rate is back")
				return
			}
		}
	})
}

// isBack asks for what is needed, since not all who answer a ping can count. It dials by
// itself before: the client would log each failure.
func (s *Shared) isBack(ctx context.Context) bool {
	o := s.client.Options()
	conn, err := new(net.Dialer).DialContext(ctx, o.Network, o.Addr)
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was said
	_, err = s.ask(ctx, "")
	return err == nil
}

// Away tells whether Redis is away, and requests are counted here.
func (s *Shared) Away() bool { return s.away.Load() }

// Limit is the one that is held.
func (s *Shared) Limit() Limit { return s.limit }

// Close ends the connections to Redis. Nothing is to be taken any more.
func (s *Shared) Close() error {
	s.end()
	s.asking.Wait()
	return s.client.Close()
}
