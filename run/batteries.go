package run

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/broker"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/store"
)

// Batteries are the links, brokers and stores that a binary brings along.
type Batteries struct {
	Links   []link.Link
	Brokers []broker.Driver
	Stores  []store.Driver
}

// inProcess is the scheme that joins the services of one process.
const inProcess = "inproc"

// link finds the link for a URL. The TLS form of a scheme has an "s" at its end, or
// "tls+" before it.
func (b Batteries) link(scheme string) (link.Link, error) {
	for _, l := range b.Links {
		if l.Scheme() == scheme || l.Scheme()+"s" == scheme || "tls+"+l.Scheme() == scheme {
			return l, nil
		}
	}
	return nil, fmt.Errorf("no link for %s://: there are %s", scheme, b.schemes())
}

func (b Batteries) schemes() string {
	names := make([]string, 0, len(b.Links))
	for _, l := range b.Links {
		names = append(names, l.Scheme())
	}
	return strings.Join(names, ", ")
}

// Dial makes a conn to a URL of any of the links.
func (b Batteries) Dial(rawURL string, o link.DialOptions) (link.Conn, error) {
	u, l, err := b.parse(rawURL)
	if err != nil {
		return nil, err
	}
	return l.Dial(u, o)
}

// Listen takes the address of a URL of any of the links.
func (b Batteries) Listen(ctx context.Context, rawURL string, o link.ListenOptions) (link.Server, error) {
	u, l, err := b.parse(rawURL)
	if err != nil {
		return nil, err
	}
	return l.Listen(ctx, u, o)
}

func (b Batteries) parse(rawURL string) (*url.URL, link.Link, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, nil, err
	}
	l, err := b.link(u.Scheme)
	return u, l, err
}

// with adds the links of an app to the batteries.
func (b Batteries) with(app kerf.App) Batteries {
	b.Links = slices.Concat(b.Links, app.Links)
	return b
}

// Model is what plans of the app are checked against.
func (b Batteries) Model(app kerf.App) plan.Model {
	b = b.with(app)
	m := plan.Model{App: app.Name}
	for _, s := range app.Services {
		m.Services = append(m.Services, serviceModel(s))
	}
	for _, l := range b.Links {
		c := l.Capabilities()
		m.Links = append(m.Links, plan.Link{
			Scheme: l.Scheme(), Streams: c.Streams, Durable: c.Durable, MaxMessage: c.MaxMessage,
			Broker: c.Broker, InProcess: l.Scheme() == inProcess,
		})
	}
	for _, d := range b.Brokers {
		m.Brokers = append(m.Brokers, d.Scheme())
	}
	for _, d := range b.Stores {
		m.Stores = append(m.Stores, d.Scheme())
	}
	return m
}

func serviceModel(s kerf.Service) plan.Service {
	model := plan.Service{
		Name: s.Name, Calls: s.Calls, Upstreams: s.Upstreams, Single: s.Single, Web: len(s.Serves) == 0,
		Absent: s.New == nil, Optional: s.Optional,
	}
	for _, desc := range s.Serves {
		if desc == nil {
			continue // the Host tells
		}
		model.Serves = append(model.Serves, desc.ServiceName)
		for _, m := range desc.Methods {
			model.Methods = append(model.Methods, unaryModel(desc.ServiceName, m.MethodName))
		}
		for _, m := range desc.Streams {
			model.Methods = append(model.Methods, streamModel(desc, m))
		}
	}
	return model
}

func streamModel(desc *grpc.ServiceDesc, m grpc.StreamDesc) plan.Method {
	return plan.Method{
		Name:         desc.ServiceName + "/" + m.StreamName,
		ClientStream: m.ClientStreams, ServerStream: m.ServerStreams,
	}
}

// unaryModel asks the linked-in descriptors; of a service without any nothing is known.
func unaryModel(service, method string) plan.Method {
	model := plan.Method{Name: service + "/" + method}
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return model
	}
	s, ok := d.(protoreflect.ServiceDescriptor)
	if !ok {
		return model
	}
	m := s.Methods().ByName(protoreflect.Name(method))
	if m == nil {
		return model
	}
	model.Input, model.Output = m.Input(), m.Output()
	model.AnswersEmpty = m.Output().FullName() == "google.protobuf.Empty"
	if o, ok := m.Options().(*descriptorpb.MethodOptions); ok {
		model.Idempotent = o.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
		model.ReadOnly = o.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
	}
	return model
}
