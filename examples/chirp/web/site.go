package web

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
	trendsv1 "github.com/kerf-go/kerf/examples/chirp/trends/v1"
)

// Clients are the services behind the site. All but Trends are needed; none need be up.
type Clients struct {
	Accounts accountsv1.AccountsClient
	Messages messagesv1.MessagesClient
	Follows  followsv1.FollowsClient
	Notify   notifyv1.NotifyClient
	Trends   trendsv1.TrendsClient // nil: pages show none
}

// Options is how a Site behaves; the zero value is valid. The fields with names in
// their yaml tags are what a plan may say under config.web.
type Options struct {
	// Title is the name of the site. "": Chirp.
	Title string `yaml:"title"`
	// Secure says that browsers come by TLS although this process does not see
	// it, as behind a proxy: cookies are then for TLS only.
	Secure bool `yaml:"secure"`

	Logger *slog.Logger     `yaml:"-"` // nil discards
	Now    func() time.Time `yaml:"-"` // nil is time.Now

	// Wait bounds what a page cannot do without, and Extra what it can. 0: 10 s and 2 s.
	Wait, Extra time.Duration `yaml:"-"`

	// Heartbeat is the time between signs of life on /live. 0: 15 s, since proxies
	// commonly cut what is silent for a minute or half of one.
	Heartbeat time.Duration `yaml:"-"`
	// StreamLife ends each stream of /live. Browsers return by themselves, and so
	// their session is checked again. 0: 10 min.
	StreamLife time.Duration `yaml:"-"`
	// StreamsPerAccount and Streams bound the open streams. 0: 8 and 4096.
	StreamsPerAccount, Streams int `yaml:"-"`
}

func (o Options) withDefaults() Options {
	orElse(&o.Title, "Chirp")
	orElse(&o.Wait, 10*time.Second)
	orElse(&o.Extra, 2*time.Second)
	orElse(&o.Heartbeat, 15*time.Second)
	orElse(&o.StreamLife, 10*time.Minute)
	orElse(&o.StreamsPerAccount, 8)
	orElse(&o.Streams, 4096)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func orElse[T comparable](value *T, usual T) {
	var zero T
	if *value == zero {
		*value = usual
	}
}

// Site serves the pages. It is safe for concurrent use.
type Site struct {
	clients Clients
	options Options
	looks   *looks
	assets  *assets
	streams *streams
	mux     *http.ServeMux
	origin  *http.CrossOriginProtection
}

var _ http.Handler = (*Site)(nil)

// New makes the site; it calls nobody yet.
func New(c Clients, o Options) (*Site, error) {
	if c.Accounts == nil || c.Messages == nil || c.Follows == nil || c.Notify == nil {
		return nil, errors.New("web: a client is missing: set all of Clients but Trends")
	}
	o = o.withDefaults()
	assets, err := loadAssets()
	if err != nil {
		return nil, err
	}
	looks, err := parseLooks(assets)
	if err != nil {
		return nil, err
	}
	s := &Site{
		clients: c,
		options: o,
		looks:   looks,
		assets:  assets,
		streams: newStreams(o.Streams, o.StreamsPerAccount),
		mux:     http.NewServeMux(),
		origin:  http.NewCrossOriginProtection(),
	}
	for _, route := range s.routes() {
		s.mux.Handle(route.pattern, route.page)
	}
	return s, nil
}

// ServeHTTP serves one request.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Close ends all live updates, waits for them, and refuses new ones. Pages are
// served on. Closing twice is fine.
func (s *Site) Close() error {
	s.streams.close()
	return nil
}
