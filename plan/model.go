package plan

import "google.golang.org/protobuf/reflect/protoreflect"

// Model is what an app declares and what its links can do: all that a plan is
// checked against. It is plain data; making one builds no service.
type Model struct {
	App      string
	Services []Service
	Links    []Link
	Brokers  []string // schemes of the links for which the program brings a broker along
	Stores   []string // schemes of store URLs, such as "sqlite"; nil: any scheme will do

	// Process is the one that this program is to run; "": all that have no command. Of the
	// others it need not know the services.
	Process string
}

// Service is what one service of the app declares.
type Service struct {
	Name    string
	Serves  []string // gRPC services, such as "chirp.notify.v1.Notify"
	Methods []Method // all methods of Serves
	Calls   []string // names of the services it calls
	Single  bool     // must not have replicas
	Web     bool     // serves pages, as far as is known
	Absent  bool     // another program has it: a plan may leave it out

	Upstreams []string // names that it has for HTTP servers outside the app
	Optional  bool     // a plan may leave it out, and no plan does
}

// Method is one method that a Service serves.
type Method struct {
	Name         string // "chirp.notify.v1.Notify/Deliver"
	ClientStream bool
	ServerStream bool
	AnswersEmpty bool // the answer is google.protobuf.Empty
	Idempotent   bool // it may run twice: its idempotency_level says so
	ReadOnly     bool // it changes nothing: its idempotency_level is NO_SIDE_EFFECTS; then it is Idempotent too

	// The messages that it takes and gives; nil: nothing is known of them.
	Input, Output protoreflect.MessageDescriptor
}

// Link is what one link can do.
type Link struct {
	Scheme     string // as in "http://host:port"
	Streams    bool   // carries streams, not only unary calls
	Durable    bool   // has a queue that keeps requests
	MaxMessage int    // bytes of one message; 0: no limit of its own
	Broker     bool   // its calls go through a broker, which all processes share
	InProcess  bool   // joins services of one process, and only those
}

// The four kinds of method, as gRPC names them.
const (
	unary        = "unary"
	clientStream = "client stream"
	serverStream = "server stream"
	bidiStream   = "bidi stream"
)

func (m Method) kind() string {
	switch {
	case m.ClientStream && m.ServerStream:
		return bidiStream
	case m.ClientStream:
		return clientStream
	case m.ServerStream:
		return serverStream
	}
	return unary
}

func (m Method) streams() bool { return m.ClientStream || m.ServerStream }

func (m Model) service(name string) (Service, bool) {
	for _, s := range m.Services {
		if s.Name == name {
			return s, true
		}
	}
	return Service{}, false
}

// method finds a method and the name of the service that serves it.
func (m Model) method(name string) (owner string, found Method, ok bool) {
	for _, s := range m.Services {
		for _, method := range s.Methods {
			if method.Name == name {
				return s.Name, method, true
			}
		}
	}
	return "", Method{}, false
}

func (m Model) link(scheme string) (Link, bool) {
	for _, l := range m.Links {
		if l.Scheme == scheme {
			return l, true
		}
	}
	return Link{}, false
}

// withoutTLS finds the link that a scheme is of, or is the TLS form of: that has an "s" at
// its end, or "tls+" before it.
func (m Model) withoutTLS(scheme string) (Link, bool) {
	if l, ok := m.link(scheme); ok {
		return l, true
	}
	for _, l := range m.Links {
		if !l.InProcess && (scheme == l.Scheme+"s" || scheme == "tls+"+l.Scheme) {
			return l, true
		}
	}
	return Link{}, false
}

func (m Model) serviceNames() []string {
	names := make([]string, 0, len(m.Services))
	for _, s := range m.Services {
		names = append(names, s.Name)
	}
	return names
}

func (m Model) methodNames() []string {
	var names []string
	for _, s := range m.Services {
		for _, method := range s.Methods {
			names = append(names, method.Name)
		}
	}
	return names
}

// linkNames are the links that may join processes.
func (m Model) linkNames() []string {
	var names []string
	for _, l := range m.Links {
		if !l.InProcess {
			names = append(names, l.Scheme)
		}
	}
	return names
}
