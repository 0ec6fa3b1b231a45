package gateway

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/transcode"
)

const requestMethod = "Access-Control-Request-Method"

// isPreflight tells of a browser's question whether a page may send a request.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get(requestMethod) != ""
}

// cors lets pages of other sites use a route.
type cors struct {
	any         bool
	origins     map[string]bool
	below       [][2]string // "https://" and ".example.com"
	credentials bool
	preflight   [][2]string // headers of answers to preflights
	expose      string
}

// cors is nil for a route that has none.
func (c *compiler) cors(i int, config routeConfig, m *matcher) *cors {
	if config.CORS == nil {
		return nil
	}
	made := &cors{
		origins: make(map[string]bool), credentials: config.CORS.Credentials,
		expose: strings.Join(config.CORS.Expose, ", "),
	}
	if len(config.CORS.Origins) == 0 {
		c.mistake("cors needs origins", `such as origins: ["https://app.example"]`, "routes", i, "cors")
	}
	for k, origin := range config.CORS.Origins {
		if err := made.add(origin); err != nil {
			c.mistake(err.Error(), `write https://app.example, https://*.example.com or "*"`,
				"routes", i, "cors", "origins", k)
		}
	}
	if made.any && made.credentials {
		c.mistake("no credentials come from pages of all sites", "name the origins", "routes", i, "cors", "credentials")
	}
	methods := config.CORS.Methods
	for k, method := range methods {
		if m.methods != nil && method != "*" && !slices.Contains(m.methods, method) {
			c.mistake("the route's match has no method "+method, "add it there, or leave it out",
				"routes", i, "cors", "methods", k)
		}
	}
	if methods == nil {
		methods = m.methods
	}
	if methods == nil {
		methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
	}
	age := cmp.Or(config.CORS.MaxAge, 10*time.Minute)
	made.preflight = [][2]string{
		{"Access-Control-Allow-Methods", strings.Join(methods, ", ")},
		{"Access-Control-Max-Age", strconv.Itoa(int(age / time.Second))},
	}
	if len(config.CORS.Headers) > 0 {
		made.preflight = append(made.preflight,
			[2]string{"Access-Control-Allow-Headers", strings.Join(config.CORS.Headers, ", ")})
	}
	m.cors = true
	return made
}

// add takes "*", an origin, or one whose host begins with "*.".
func (c *cors) add(origin string) error {
	if origin == "*" {
		c.any = true
		return nil
	}
	if !strings.Contains(origin, "://") {
		origin = "https://" + origin
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme+"://"+u.Host != origin || u.Hostname() == "" || u.User != nil ||
		origin != strings.ToLower(origin) {
		return fmt.Errorf("%q is the origin of no page", origin)
	}
	host, below := strings.CutPrefix(u.Host, "*")
	switch {
	case strings.Contains(host, "*"), below && strings.Count(host, ".") < 2, below && host[0] != '.', u.Host == "null":
		return fmt.Errorf("%q is the origin of no page", origin)
	case below:
		c.below = append(c.below, [2]string{u.Scheme + "://", host})
	default:
		c.origins[origin] = true
	}
	return nil
}

// allows tells whether pages of an origin may use the route.
func (c *cors) allows(origin string) bool {
	return c.any || c.origins[origin] || slices.ContainsFunc(c.below, func(p [2]string) bool {
		rest, ok := strings.CutPrefix(origin, p[0])
		name, under := strings.CutSuffix(rest, p[1])
		return ok && under && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
	})
}

// layer answers preflights, which have no credentials, and tells browsers of all answers
// whether pages may read them. What an upstream says of that does not count.
func (c *cors) layer() layer {
	if c == nil {
		return nil
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			origin := r.Header.Get("Origin")
			if !isPreflight(r) {
				change := func(_ int, h http.Header) { c.answer(h, origin) }
				next.ServeHTTP(&headerWriter{ResponseWriter: w, change: change}, r)
				return
			}
			c.answer(w.Header(), origin)
			if !c.allows(origin) {
				err := status.Error(codes.PermissionDenied, "pages of this origin may not use this")
				transcode.WriteError(w, r, err)
				return
			}
			for _, pair := range c.preflight {
				w.Header()[pair[0]] = []string{pair[1]}
			}
			w.WriteHeader(http.StatusNoContent)
		})
	}
}

func (c *cors) answer(h http.Header, origin string) {
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
	if c.any {
		h["Access-Control-Allow-Origin"] = []string{"*"}
	} else {
		vary(h, "Origin")
		if origin == "" || !c.allows(origin) {
			return
		}
		h["Access-Control-Allow-Origin"] = []string{origin}
	}
	if c.credentials {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
	if c.expose != "" {
		h["Access-Control-Expose-Headers"] = []string{c.expose}
	}
}

// vary tells caches of a request header that an answer depends on.
func vary(h http.Header, name string) {
	for _, value := range h["Vary"] {
		for have := range strings.SplitSeq(value, ",") {
			if have = strings.TrimSpace(have); strings.EqualFold(have, name) || have == "*" {
				return
			}
		}
	}
	h["Vary"] = append(h["Vary"], name)
}
