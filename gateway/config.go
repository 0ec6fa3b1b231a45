package gateway

import (
	"reflect"
	"slices"
	"time"

	"github.com/kerf-go/kerf/gateway/auth"
	"github.com/kerf-go/kerf/gateway/transform"
	"github.com/kerf-go/kerf/plan"
)

// config is a gateway's file. Its keys are those of the yaml tags.
type config struct {
	// Listen are the addresses that clients reach. Within a plan there may be none: then it is
	// the process's web address.
	Listen []listenConfig `yaml:"listen"`
	// Trusted are the networks of proxies before this one, such as 10.0.0.0/8: what these say
	// of a client in Forwarded and X-Forwarded headers counts. Of all others it is dropped.
	Trusted   []string                  `yaml:"trusted"`
	Limits    limitsConfig              `yaml:"limits"`
	Log       string                    `yaml:"log"`   // access log: stdout (default), off, or a file
	Cache     storeConfig               `yaml:"cache"` // what its routes share; see routes
	Admin     string                    `yaml:"admin"` // for operators: a loopback address, or a socket's path; none
	Upstreams map[string]upstreamConfig `yaml:"upstreams"`
	Auth      map[string]auth.Config    `yaml:"auth"` // ways to find out who has sent a request
	Rates     map[string]rateConfig     `yaml:"rates"`
	Routes    []routeConfig             `yaml:"routes"` // the first that matches a request answers it
}

// restarts are the keys of what has changed since the start, and counts only after another.
func (c config) restarts(start config) []string {
	var keys []string
	for key, changed := range map[string]bool{
		"listen": !reflect.DeepEqual(c.Listen, start.Listen), "log": c.Log != start.Log,
		"admin": c.Admin != start.Admin, "limits": c.Limits.ofConnections() != start.Limits.ofConnections(),
	} {
		if changed {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// listenConfig is an address that clients reach.
type listenConfig struct {
	Address string     `yaml:"address"` // host:port
	TLS     *tlsConfig `yaml:"tls"`     // none: without
}

// tlsConfig is where a listener's certificates come from: exactly one of Cert with Key, Local
// and ACME is set.
type tlsConfig struct {
	Cert  plan.Path   `yaml:"cert"`  // PEM, with the chain; read again when it changes
	Key   plan.Path   `yaml:"key"`   // PEM
	Local plan.Path   `yaml:"local"` // the folder of a certificate authority of our own, for development
	ACME  *acmeConfig `yaml:"acme"`
}

// acmeConfig gets certificates from an authority, and new ones before they expire.
type acmeConfig struct {
	Email     string    `yaml:"email"`     // of whom the authority writes to; none
	Hosts     []string  `yaml:"hosts"`     // that certificates are for
	Directory string    `yaml:"directory"` // the authority's URL; Let's Encrypt's
	Roots     plan.Path `yaml:"roots"`     // PEM: whom to trust for the directory's TLS; the system's
	Cache     plan.Path `yaml:"cache"`     // the folder that keeps account, keys and certificates
}

// limitsConfig bound what a client may take. Zero is the default. Those of connections, which
// are all but body and body_time, are read once, when the gateway begins to listen.
type limitsConfig struct {
	Header     int           `yaml:"header"`      // bytes of a request's headers; 64 KiB
	Body       int64         `yaml:"body"`        // bytes of a request's body; 10 MiB
	HeaderTime time.Duration `yaml:"header_time"` // for the headers to arrive; 10s
	BodyTime   time.Duration `yaml:"body_time"`   // for the body to arrive; 1m
	IdleTime   time.Duration `yaml:"idle_time"`   // of a connection without requests, or whose client reads nothing; 2m
	Streams    int           `yaml:"streams"`     // at once on one HTTP/2 connection; 250
	DrainTime  time.Duration `yaml:"drain_time"`  // for what still runs once the gateway stops; 15s
}

// ofConnections are those that a reload does not change.
func (l limitsConfig) ofConnections() limitsConfig {
	l.Body, l.BodyTime = 0, 0
	return l
}

// bodyLimitsConfig are those of a route. Zero is the gateway's; -1, or -1s, is none.
type bodyLimitsConfig struct {
	Body     int64         `yaml:"body"`
	BodyTime time.Duration `yaml:"body_time"`
}

// upstreamConfig is a set of servers that do the same.
type upstreamConfig struct {
	URLs    []string      `yaml:"urls"`    // http:// or https://; a path is put before each request's
	Health  *healthConfig `yaml:"health"`  // with several URLs; none: only what requests show
	Host    string        `yaml:"host"`    // the Host header: keep (default) the client's, or use the url's
	Timeout time.Duration `yaml:"timeout"` // until the headers of an answer; 30s
	// Policies are bulkhead, breaker, retry and balance, with the keys and defaults of a plan's.
	Policies plan.HTTPPolicies `yaml:"policies"`
	Roots    plan.Path         `yaml:"roots"` // PEM: whom to trust for https:// URLs; the system's
}

// healthConfig asks each server of an upstream whether it is well: a status from 200 to 399 is.
type healthConfig struct {
	Path  string        `yaml:"path"`
	Every time.Duration `yaml:"every"` // 1s
}

// rateConfig is how often somebody may ask.
type rateConfig struct {
	By       string        `yaml:"by"`       // client (default), user, key, claim NAME, route, or header NAME
	Requests int           `yaml:"requests"` // in each per, evenly spread
	Per      time.Duration `yaml:"per"`
	Burst    int           `yaml:"burst"`    // at once; as many as requests
	Store    string        `yaml:"store"`    // local (default), or such as redis://127.0.0.1:6379/0
	Patience time.Duration `yaml:"patience"` // how long a request waits for Redis; 50ms
	Share    float64       `yaml:"share"`    // of it, that is allowed here while Redis is away; 1
	Keys     int           `yaml:"keys"`     // told apart in this process; 100000
}

// routeConfig is what becomes of some requests. Exactly one of Proxy, Split, Call, Merge,
// Outcomes, OpenAPI, Pages, Files, Redirect and Answer is set.
type routeConfig struct {
	Name  string      `yaml:"name"` // in logs and metrics; default: its place in the list
	Match matchConfig `yaml:"match"`

	Proxy    string          `yaml:"proxy"`    // an upstream
	Split    []shareConfig   `yaml:"split"`    // several, by weight
	Call     []string        `yaml:"call"`     // services of the app, as their protos' annotations say
	Merge    *mergeConfig    `yaml:"merge"`    // one answer of several
	OpenAPI  *openapiConfig  `yaml:"openapi"`  // what the services' methods are
	Outcomes bool            `yaml:"outcomes"` // what has become of accepted requests; the path ends with {receipt}
	Pages    bool            `yaml:"pages"`    // the pages of the gateway's process, on whose web address it is
	Files    *filesConfig    `yaml:"files"`    // a folder
	Redirect *redirectConfig `yaml:"redirect"` // elsewhere
	Answer   *answerConfig   `yaml:"answer"`   // always the same

	Rewrite   string           `yaml:"rewrite"` // the path for the upstream, with {names} of the match's
	Headers   headersConfig    `yaml:"headers"`
	Rate      []string         `yaml:"rate"`      // rates that its requests are held to
	Validate  *validateConfig  `yaml:"validate"`  // what is refused
	Cache     *cacheConfig     `yaml:"cache"`     // answers are kept for others, as they say
	Compress  *compressConfig  `yaml:"compress"`  // answers are compressed, as clients accept it
	Transform *transformConfig `yaml:"transform"` // what changes on the way
	Timeout   time.Duration    `yaml:"timeout"`   // of the whole request; none, as streams have none

	CORS  *corsConfig       `yaml:"cors"`  // pages of other sites that may use the route; none
	Auth  []string          `yaml:"auth"`  // ways of which one has to find somebody; none: anybody passes
	Allow map[string]string `yaml:"allow"` // claims that have to hold, or variables of the path: {id: "{sub}"}
	Paths pathsConfig       `yaml:"paths"`

	Limits bodyLimitsConfig `yaml:"limits"` // instead of the gateway's
}

// validateConfig says what requests, and answers, must be like.
type validateConfig struct {
	Rules    bool          `yaml:"rules"`    // of call: those in the protos (buf.validate) hold
	Request  *schemaConfig `yaml:"request"`  // of bodies
	Response *schemaConfig `yaml:"response"` // of answers from 200 to 299; others are answered with 502
	Body     int           `yaml:"body"`     // the bytes of a body that is checked; 1 MiB
}

// schemaConfig says what bodies must be like.
type schemaConfig struct {
	Schema plan.Path `yaml:"schema"` // a file of JSON Schema
	Types  []string  `yaml:"types"`  // media types that are taken beside JSON, unchecked
}

// transformConfig says what changes on the way, after validation.
type transformConfig struct {
	Request  requestChangeConfig  `yaml:"request"`
	Response responseChangeConfig `yaml:"response"` // of answers from 200 to 299
	Body     int                  `yaml:"body"`     // the bytes of a body that is changed; 1 MiB
}

type requestChangeConfig struct {
	Headers valuesConfig      `yaml:"headers"`
	Query   valuesConfig      `yaml:"query"`
	Body    *transform.Config `yaml:"body"`
}

type responseChangeConfig struct {
	Headers valuesConfig      `yaml:"headers"`
	Body    *transform.Config `yaml:"body"`
}

// valuesConfig changes headers or parameters. It first removes, then renames, then adds.
type valuesConfig struct {
	Remove []string          `yaml:"remove"`
	Rename map[string]string `yaml:"rename"` // in place of those that have the new name
	Add    map[string]string `yaml:"add"`    // beside those there; {names} are the match's, client, host and path
}

// matchConfig says which requests are meant: those for which all that is set holds.
type matchConfig struct {
	Hosts   []string          `yaml:"hosts"`   // any of these; *.example.com: the hosts below it
	Path    string            `yaml:"path"`    // a template, such as /v1/users/{id} or /static/{file=**}
	Proto   string            `yaml:"proto"`   // http or https, as the client sees it
	Methods []string          `yaml:"methods"` // any of these; GET includes HEAD
	Headers map[string]string `yaml:"headers"` // all of these; *: any value
	Query   map[string]string `yaml:"query"`   // all of these; *: any value
}

// corsConfig lets pages of other sites use a route (https://fetch.spec.whatwg.org/#http-cors-protocol).
type corsConfig struct {
	// Origins are those of the pages: https://app.example, https://*.example.com for the hosts below
	// it, or "*" for all. Without a scheme it is https.
	Origins     []string      `yaml:"origins"`
	Methods     []string      `yaml:"methods"`     // default: those of the match, or else all usual ones
	Headers     []string      `yaml:"headers"`     // of requests, beside those that need no leave; none
	Expose      []string      `yaml:"expose"`      // headers of answers that a page may read; those that need no leave
	Credentials bool          `yaml:"credentials"` // lets cookies come along; not with "*"
	MaxAge      time.Duration `yaml:"max_age"`     // a browser need not ask again for so long; 10m
}

// shareConfig is a part of a route's requests.
type shareConfig struct {
	To     string `yaml:"to"`     // an upstream
	Weight int    `yaml:"weight"` // beside the others'; 0: none
}

// mergeConfig is one answer made of several, which are asked for at once. The route's timeout
// bounds them all; without one it is 10s.
type mergeConfig struct {
	Parts map[string]partConfig `yaml:"parts"` // the members of the answer
	Size  int64                 `yaml:"size"`  // bytes of all answers together; 4 MiB
}

// partConfig is one of them. Exactly one of Call and Proxy is set.
type partConfig struct {
	Call     string        `yaml:"call"`     // a service of the app
	Proxy    string        `yaml:"proxy"`    // an upstream
	Get      string        `yaml:"get"`      // path and query, with {names}: the path's, query.NAME, user, PART.FIELD
	Field    string        `yaml:"field"`    // what of the answer is the part; all of it
	Optional bool          `yaml:"optional"` // without it the answer tells that it is missing, and why
	Timeout  time.Duration `yaml:"timeout"`  // of this part; none but the whole's
}

// openapiConfig is a document of what routes with call serve.
type openapiConfig struct {
	Title       string   `yaml:"title"`
	Version     string   `yaml:"version"`     // of the API; 1
	Description string   `yaml:"description"` // in Markdown
	Services    []string `yaml:"services"`    // of the app; all that are called
	Page        string   `yaml:"page"`        // instead of the document, a page that shows the one at this path
}

// filesConfig are served from a folder, and nothing outside of it, hidden files left out.
type filesConfig struct {
	Root     plan.Path `yaml:"root"`
	Fallback string    `yaml:"fallback"` // instead of what is not there, such as index.html
}

// redirectConfig sends a client elsewhere.
type redirectConfig struct {
	To   string `yaml:"to"`   // a URL or path, with {names} of the match's, {host}, {path} and {query}
	Code int    `yaml:"code"` // 301, 302, 303, 307 or 308, the default
}

// answerConfig is an answer of the gateway's own.
type answerConfig struct {
	Code int    `yaml:"code"` // 200
	Body string `yaml:"body"`
	Type string `yaml:"type"` // text/plain; charset=utf-8
}

// headersConfig changes headers on the way.
type headersConfig struct {
	Request  headerChangeConfig `yaml:"request"`
	Response headerChangeConfig `yaml:"response"`
}

// headerChangeConfig first removes, then sets.
type headerChangeConfig struct {
	Remove []string          `yaml:"remove"`
	Set    map[string]string `yaml:"set"`
}

// pathsConfig says what becomes of paths that servers understand in different ways. Without it
// they are refused, since the one that authorises must not see another than the one
// that answers. Dot segments are always refused.
type pathsConfig struct {
	EncodedSlash bool `yaml:"encoded_slash"` // lets %2F pass, as it is
	EmptySegment bool `yaml:"empty_segment"` // lets // pass, as it is
}
