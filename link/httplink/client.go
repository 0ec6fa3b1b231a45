package httplink

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

type dialer struct {
	base      string // URL without path
	address   string // host:port
	secure    bool
	http1     bool // not HTTP/2
	agent     string
	http      *http.Client
	transport *http.Transport
	clients   sync.Map // clientKey -> *client
}

var _ call.Dialer = (*dialer)(nil)

type (
	client    = connect.Client[raw, raw]
	clientKey struct {
		method, codec string
		most          int // bytes of an answer's message
	}
)

const (
	dialTimeout = 5 * time.Second
	// Idle HTTP/1.1 connections kept; net/http's default of two would open and
	// close connections all the time.
	idleConns = 256
)

func newDialer(u *url.URL, o link.DialOptions, l Link) (*dialer, error) {
	var protocols http.Protocols
	switch version := u.Query().Get("http"); version {
	case "", "2":
		protocols.SetHTTP2(true)
		protocols.SetUnencryptedHTTP2(true)
	case "1", "1.1":
		protocols.SetHTTP1(true)
	default:
		return nil, fmt.Errorf("http=%s: write http=1 or http=2", version)
	}
	d := &dialer{
		base: u.Scheme + "://" + u.Host, address: address(u), secure: u.Scheme == secureScheme,
		http1: protocols.HTTP1(), agent: "kerf-http",
		transport: &http.Transport{
			DialContext:         dialing(l.patience),
			TLSClientConfig:     o.TLS.Clone(),
			Protocols:           &protocols,
			MaxIdleConnsPerHost: idleConns,
			IdleConnTimeout:     90 * time.Second, //nolint:mnd // net/http's default transport's
			DisableCompression:  true,
			HTTP2:               l.pings(),
		},
	}
	if o.UserAgent != "" {
		d.agent = o.UserAgent + " " + d.agent
	}
	d.http = &http.Client{Transport: d.transport, CheckRedirect: noRedirect}
	return d, nil
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func address(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), u.Scheme) // the scheme is the service's name
}

func (d *dialer) Secure() bool { return d.secure }

func (d *dialer) Close() error {
	d.transport.CloseIdleConnections()
	return nil
}

// Ready dials, to see whether somebody listens.
func (d *dialer) Ready(ctx context.Context) error {
	c, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", d.address)
	if err != nil {
		return call.Unavailable(link.NeverSent, "%v", err)
	}
	return c.Close()
}

func (d *dialer) Open(ctx context.Context, r call.Request) (call.Transport, error) {
	if r.Unary {
		return &unary{exchange: newExchange(ctx, d), request: r}, nil
	}
	return openStream(ctx, d, r)
}

func (d *dialer) client(r call.Request) *client {
	key := clientKey{r.Method, wireName(r.Codec), ceiling(r.MaxRecv)}
	if c, ok := d.clients.Load(key); ok {
		return c.(*client) //nolint:forcetypeassert // only clients are stored
	}
	c := connect.NewClient[raw, raw](observer{d.http}, d.base+key.method,
		connect.WithCodec(rawCodec{key.codec}),
		connect.WithAcceptCompression("gzip", nil, nil),
		connect.WithReadMaxBytes(key.most),
		connect.WithCompressMinBytes(math.MaxInt))
	stored, _ := d.clients.LoadOrStore(key, c)
	return stored.(*client) //nolint:forcetypeassert // only clients are stored
}

// ceiling is where an answer above the limit is not even taken in: a power of two, so
// that few clients differ. What is between is refused as on every link.
func ceiling(limit int) int {
	const least = 16 // bits; a failure has some text
	return 1 << min(max(bits.Len(uint(limit)), least), bits.UintSize-2)
}

// setHeader writes what goes before the messages.
func (d *dialer) setHeader(h http.Header, r call.Request) {
	addMetadata(h, r.Header)
	h["User-Agent"] = []string{d.agent}
	if wireName(r.Codec) != r.Codec {
		h[codecHeader] = []string{r.Codec}
	}
	if r.Authority != "" {
		h["Host"] = []string{r.Authority}
	}
}
