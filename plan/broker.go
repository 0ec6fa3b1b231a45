package plan

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// BrokerProcess is the process of the embedded broker, beside those of a plan that
	// has several.
	BrokerProcess = "broker"

	// embedded is a broker that the app brings along. A folder may follow, after a colon.
	embedded = "embedded"
	// brokerHost stands in the URLs of listeners for a broker that has not told its address.
	brokerHost = "broker"
)

// EmbeddedBroker tells whether the app runs the broker that its links need, and in
// which folder its data is; "": one in the app's data folder.
func (p *Plan) EmbeddedBroker() (folder string, ok bool) {
	kind, folder, _ := strings.Cut(p.Broker, ":")
	return folder, kind == embedded
}

// BrokerApart tells whether the embedded broker is a process of its own: it is
// unless the plan has only one process.
func (p *Plan) BrokerApart() bool {
	_, ok := p.EmbeddedBroker()
	return ok && (len(p.Processes) > 1 || p.Processes[0].Replicas > 1 || p.Processes[0].Command != nil)
}

// Single tells why no second process can stand beside one, as its successor would, and what to do;
// nil: one can.
func (p *Plan) Single(process string) error {
	if _, own := p.EmbeddedBroker(); !own || p.BrokerApart() && process != BrokerProcess {
		return nil
	}
	return errors.New("it has the embedded broker, whose data is open to one process at a time: restart it, which " +
		"its callers notice, or run a broker by itself and name it in the plan (broker: nats://host:4222)")
}

// At gives the plan with the address of its embedded broker, which is known only
// when that runs, in the URLs of listeners.
func (p *Plan) At(address string) *Plan {
	known := *p
	known.Processes = slices.Clone(p.Processes)
	for i := range known.Processes {
		q := &known.Processes[i]
		q.Listener = q.at(address)
		q.More = slices.Clone(q.More)
		for j := range q.More {
			q.More[j] = q.More[j].at(address)
		}
	}
	return &known
}

func (l Listener) at(address string) Listener {
	if rest, ok := strings.CutPrefix(l.Listen, l.Link+"://"+brokerHost+"/"); ok {
		l.Listen = l.Link + "://" + address + "/" + rest
		l.Reach = l.Listen
	}
	return l
}

// brokered is a listener of a process on a link whose calls go through a broker.
func (r *resolver) brokered(scheme string, s *site) Listener {
	return Listener{Link: scheme, Listen: scheme + "://" + brokerHost + "/" + r.model.App + "." + s.Name}
}

// placeBroker finds the broker that the plan's links need, if they need one.
func (r *resolver) placeBroker() {
	needed := r.brokeredLink()
	said := r.raw.broker
	if said.set() {
		r.checkBroker(said)
	}
	if needed == "" {
		return
	}
	switch {
	case said.set():
		r.plan.Broker = r.brokerSaid(said.v)
	case slices.Contains(r.model.Brokers, needed):
		r.plan.Broker = embedded
	default:
		r.add(Position{File: r.file, Line: 1, Column: 1},
			fmt.Sprintf("the link %s needs a broker, and this program brings none along", needed),
			fmt.Sprintf(`add "broker: %s://host:port"`, needed))
	}
	if outside, err := url.Parse(r.plan.Broker); err == nil && outside.Host != "" {
		for _, s := range r.sites {
			s.reachThrough(outside)
		}
	}
	_, own := r.plan.EmbeddedBroker()
	for _, s := range r.sites {
		if own && s.Name == BrokerProcess && len(r.sites) > 1 {
			r.add(s.at, "the process "+BrokerProcess+" has the name of the app's own broker", "give it another name")
		}
	}
}

// brokeredLink is the first link in use whose calls go through a broker; "": none.
func (r *resolver) brokeredLink() string {
	for _, s := range r.sites {
		for _, l := range append([]Listener{s.Listener}, s.More...) {
			if known, _ := r.model.link(l.Link); known.Broker {
				return l.Link
			}
		}
	}
	return ""
}

// reachThrough fills in the address of a broker outside.
func (s *site) reachThrough(broker *url.URL) {
	fill := func(l *Listener) {
		*l = l.at(broker.Host)
		if rest, ok := strings.CutPrefix(l.Listen, l.Link+"://"); ok && l.Reach == l.Listen && broker.Scheme != l.Link {
			l.Listen = broker.Scheme + "://" + rest // inside TLS
			l.Reach = l.Listen
		}
	}
	fill(&s.Listener)
	for i := range s.More {
		fill(&s.More[i])
	}
}

// checkBroker checks what the plan says. It may hold a password: no error repeats it.
func (r *resolver) checkBroker(said placed[string]) {
	scheme, rest, _ := strings.Cut(said.v, ":")
	links := r.brokerSchemes()
	switch {
	case scheme == embedded:
		if len(r.model.Brokers) == 0 {
			r.add(said.at, "this program brings no broker along", "name one that runs: "+links+"://host:port")
		} else if rest == "" {
			r.add(said.at, "broker has no folder", "write it as embedded:FOLDER")
		}
	case !r.brokerURL(said.v):
		r.add(said.at, "broker is neither a folder for the app's own nor the URL of one that runs",
			"write it as embedded:FOLDER or "+links+"://host:port")
	}
}

// brokerURL tells whether text is the URL of a broker for one of the links.
func (r *resolver) brokerURL(said string) bool {
	u, err := url.Parse(said)
	if err != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return false
	}
	a, ok := parseAddress(u.Host)
	known, _ := r.model.link(strings.TrimPrefix(u.Scheme, "tls+"))
	return ok && known.Broker && a.host != "" && a.port > 0
}

func (r *resolver) brokerSchemes() string {
	for _, l := range r.model.Links {
		if l.Broker {
			return l.Scheme
		}
	}
	return "nats"
}

// brokerSaid makes the path of an embedded one absolute.
func (r *resolver) brokerSaid(said string) string {
	folder, own := strings.CutPrefix(said, embedded+":")
	if !own {
		return strings.TrimSuffix(said, "/")
	}
	path := r.beside(filepath.FromSlash(folder))
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return embedded + ":" + filepath.ToSlash(path)
}
