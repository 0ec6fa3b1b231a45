package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/gateway/cache"
)

// storeConfig bounds what the routes with a cache keep together. It stays over reloads that do not
// change it.
type storeConfig struct {
	Size string `yaml:"size"` // of all, such as 64MiB, the default
	Body string `yaml:"body"` // of one body, such as 1MiB, the default; an eighth of size at most
}

// cacheConfig keeps answers of a route for others, as RFC 9111 has it.
type cacheConfig struct {
	TTL       time.Duration `yaml:"ttl"`       // of answers that say nothing; none: they are not kept
	Heuristic bool          `yaml:"heuristic"` // for those a tenth of the time since Last-Modified
	Stale     staleConfig   `yaml:"stale"`
	Vary      []string      `yaml:"vary"`    // headers on which every answer depends
	Query     []string      `yaml:"query"`   // parameters that count, others go; default: the query as it is
	Cookies   string        `yaml:"cookies"` // keep (default), or drop: the upstream gets none
}

// staleConfig is for how long an answer may be used after its time, if it says nothing of that
// itself. Default: not at all.
type staleConfig struct {
	WhileRevalidate time.Duration `yaml:"while_revalidate"` // while a new one is asked for
	IfError         time.Duration `yaml:"if_error"`         // when the upstream fails
}

// openStore makes the store ready, or takes over that of before, with its answers.
func (c *compiler) openStore() {
	limits := cache.Limits{
		Size: c.size(c.config.Cache.Size, "cache", "size"), Body: c.size(c.config.Cache.Body, "cache", "body"),
	}
	if !slices.ContainsFunc(c.config.Routes, func(r routeConfig) bool { return r.Cache != nil }) {
		return
	}
	if c.before != nil && c.before.store != nil && reflect.DeepEqual(c.before.config.Cache, c.config.Cache) {
		c.site.store = c.before.store
		c.site.use(c.site.store)
		return
	}
	c.site.store = cache.NewStore(limits)
	c.site.use(c.site.store)
}

// cache is the layer of a route. One that keeps nothing still tells what changes.
func (c *compiler) cache(i int, config routeConfig) layer {
	store := c.site.store
	if store == nil {
		return nil
	}
	o := cache.Options{Origin: seenOrigin, Known: isKnown, Detach: detach}
	if config.Cache == nil {
		return func(next http.Handler) http.Handler { return store.Watch(o, next) }
	}
	switch config.Cache.Cookies {
	case "", "keep":
	case "drop":
		o.DropCookies = true
	default:
		c.mistake(fmt.Sprintf("cookies cannot be %q", config.Cache.Cookies), "write keep or drop",
			"routes", i, "cache", "cookies")
	}
	c.checkVary(i, *config.Cache)
	o.Route = fingerprint(config)
	o.TTL, o.Heuristic = config.Cache.TTL, config.Cache.Heuristic
	o.StaleWhileRevalidate, o.StaleIfError = config.Cache.Stale.WhileRevalidate, config.Cache.Stale.IfError
	o.Vary, o.Query = config.Cache.Vary, config.Cache.Query
	return func(next http.Handler) http.Handler { return store.Layer(o, next) }
}

// checkVary tells of names by which no answers differ.
func (c *compiler) checkVary(i int, config cacheConfig) {
	for k, name := range config.Vary {
		var hint string
		switch {
		case name == "*" || !isReceived(name):
			hint = "write a header's name, such as Accept-Language"
		case http.CanonicalHeaderKey(name) == "Cookie" && config.Cookies == "drop":
			hint = "leave it out, or cookies: drop, by which the upstream gets none"
		default:
			continue
		}
		c.mistake(fmt.Sprintf("no answer depends on the header %q", name), hint, "routes", i, "cache", "vary", k)
	}
}

// fingerprint tells routes apart by all that they are, so that what was kept of one that has
// changed is of no use any more.
func fingerprint(config routeConfig) string {
	text, err := json.Marshal(config) //nolint:musttag // nobody reads it
	if err != nil {
		text = fmt.Append(nil, config)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// seenOrigin is what an upstream sees of the host that was asked for, as it is.
func seenOrigin(r *http.Request) (scheme, host string) {
	v := visitOf(r.Context())
	if v.client.host != r.Host {
		return v.client.proto, v.client.host + " " + r.Host
	}
	return v.client.proto, r.Host
}

func isKnown(r *http.Request) bool {
	v := visitOf(r.Context())
	return v != nil && v.user != ""
}

// detach lets what is asked for in the background have a visit of its own.
func detach(ctx context.Context) context.Context {
	free := context.WithoutCancel(ctx)
	v := visitOf(ctx)
	if v == nil {
		return free
	}
	return &visit{
		Context: free, began: v.began, client: v.client, told: v.told, host: v.host, path: v.path, route: v.route,
		user: v.user,
	}
}

// Purge drops what is kept of a path, with every query and of every route, and tells how many
// answers there were. An empty host is any; with prefix all paths that begin so are meant.
func (g *Gateway) Purge(host, path string, prefix bool) (int, error) {
	r := g.current.Load()
	if r == nil || r.store == nil {
		return 0, status.Error(codes.FailedPrecondition, "no route has a cache")
	}
	p, err := parsePath(path)
	if err != nil {
		return 0, status.Error(codes.InvalidArgument, err.Error())
	}
	return r.store.Purge(host, p.canonical, prefix), nil
}

// size reads a number of bytes. "" is 0.
func (c *compiler) size(text string, way ...any) int64 {
	if text == "" {
		return 0
	}
	number, shift := text, 0
	for i, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if before, ok := strings.CutSuffix(text, unit); ok {
			number, shift = strings.TrimSpace(before), 10*i
		}
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n <= 0 {
		c.mistake(fmt.Sprintf("%q is no size", text), "write one such as 512B, 64KiB, 64MiB or 1GiB", way...)
		return 0
	}
	return n << shift
}
