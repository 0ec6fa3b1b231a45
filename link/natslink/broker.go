package natslink

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

const (
	secureScheme = "tls+nats"
	// instanceKey is what a URL has after the question mark to name one of the subject's servers.
	instanceKey = "at"
	// brokerWait bounds each step of connecting to a broker, and waiting for it to
	// confirm what was sent.
	brokerWait = 2 * time.Second
	// mostMissed is how often a broker may leave a ping without an answer.
	mostMissed = 2
)

var (
	subjectPattern  = regexp.MustCompile(`^[A-Za-z0-9-][A-Za-z0-9_-]*(\.[A-Za-z0-9-][A-Za-z0-9_-]*)*$`)
	instancePattern = regexp.MustCompile(`^[A-Za-z0-9]+$`)
)

func check(u *url.URL) error {
	if u.Scheme != "nats" && u.Scheme != secureScheme {
		return fmt.Errorf("scheme is %q: write nats://host:port/subject or tls+nats://host:port/subject", u.Scheme)
	}
	if u.Hostname() == "" {
		return fmt.Errorf("no host: write %s://host:port/subject", u.Scheme)
	}
	if !subjectPattern.MatchString(subjectOf(u)) {
		return fmt.Errorf("subject is %q: write letters, digits, - and _, in parts that are joined by dots",
			subjectOf(u))
	}
	if name := instanceOf(u); name != "" && !instancePattern.MatchString(name) {
		return fmt.Errorf("%s is %q: take the URL as its server tells it, or one without for any server",
			instanceKey, name)
	}
	return nil
}

func subjectOf(u *url.URL) string  { return strings.TrimPrefix(u.Path, "/") }
func instanceOf(u *url.URL) string { return u.Query().Get(instanceKey) }

// everywhere is the subject that each server hears, beside its service's and its own.
func everywhere(subject string) string { return subject + "._all" }

// named gives the URL of one server: what it had before, or one with a new name.
func named(u *url.URL) *url.URL {
	at := *u
	name := cmp.Or(instanceOf(u), strings.TrimPrefix(nats.NewInbox(), nats.InboxPrefix))
	at.RawQuery = url.Values{instanceKey: {name}}.Encode()
	return &at
}

// calledAt is the subject where calls to a URL begin: that of all servers, or of one.
func calledAt(u *url.URL) string {
	if name := instanceOf(u); name != "" {
		return subjectOf(u) + "._at." + name
	}
	return subjectOf(u)
}

// further is the subject where one server hears what comes after the first packet of a call.
func further(instance, reply string) string { return instance + "." + reply }

// settings are how both ends talk to a broker: what cannot be sent at once fails.
func settings(u *url.URL, t *tls.Config, every time.Duration) nats.Options {
	at := url.URL{Scheme: "nats", User: u.User, Host: u.Host}
	o := nats.GetDefaultOptions()
	o.Servers = []string{at.String()}
	o.Name = "kerf " + subjectOf(u)
	o.Timeout = brokerWait
	o.FlusherTimeout = brokerWait
	o.PingInterval, o.MaxPingsOut = 6*every, mostMissed // all calls hang on it: it gets more time than a server
	o.ReconnectBufSize = -1
	o.SkipSubjectValidation = true // our own are valid, and others came from the broker
	if u.Scheme == secureScheme {
		o.Secure = true
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		if t != nil {
			o.TLSConfig = t.Clone()
		}
	}
	return o
}

func connect(o nats.Options, u *url.URL) (*nats.Conn, error) {
	c, err := o.Connect()
	if err != nil {
		return nil, fmt.Errorf("no NATS broker at %s: %w", u.Host, err)
	}
	return c, nil
}

// address is where calls come from, or go to: a broker's, with the subject.
type address string

var _ net.Addr = address("")

func (address) Network() string  { return "nats" }
func (a address) String() string { return string(a) }

func peerOf(u *url.URL, c *nats.Conn) *peer.Peer {
	p := &peer.Peer{Addr: address(u.Host + u.Path)}
	if state, err := c.TLSConnectionState(); err == nil {
		p.AuthInfo = credentials.TLSInfo{
			State:          state,
			CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		}
	}
	return p
}
