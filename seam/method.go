package seam

import (
	"log/slog"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

// method is what is known of a method before it is called: everything that a call
// would otherwise have to make.
type method struct {
	caller string
	name   string // of the span: "package.Service/Method"; empty: as the call says
	kind   []trace.SpanStartOption
	attrs  []attribute.KeyValue // of the span; set only if it is recorded, since they are copied
	who    []slog.Attr          // caller, callee, link and a wait other than reply, for the log
	wait   link.Wait
	series *series

	// Policies: of the caller's side, and of the callee's. nil: there are none.
	guard   grpc.UnaryClientInterceptor
	streams *policy.StreamGuard
	gate    *policy.Gate
	observe policy.Observer // of the callee's side
}

// methods finds a caller's methods by their full names, "/package.Service/Method",
// and under "" what stands for those that nobody declared. Each is made when it is
// first called, so that no metrics show of what never ran.
type methods map[string]func() *method

func (m methods) of(full string) *method {
	if known, ok := m[full]; ok {
		return known()
	}
	return m[""]()
}

// side makes the methods of one side of one link.
type side struct {
	metrics *metrics
	kind    trace.SpanKind
	link    string
	wait    func(method string) link.Wait

	// They add the policies of a side; nil: it has none.
	outbound func(m *method, full string)
	inbound  func(m *method, callee, full string)
}

func (s side) methods(caller string, serves map[string][]*grpc.ServiceDesc, stranger string) methods {
	all := methods{"": sync.OnceValue(func() *method { return s.method(caller, stranger, "") })}
	for callee, descs := range serves {
		for _, full := range fullNames(descs) {
			all[full] = sync.OnceValue(func() *method { return s.method(caller, callee, full[1:]) })
		}
	}
	return all
}

func (s side) method(caller, callee, name string) *method {
	attrs := []attribute.KeyValue{
		semconv.RPCSystemGRPC,
		attribute.String("kerf.caller", caller),
		attribute.String("kerf.callee", callee),
		attribute.String("kerf.link", s.link),
	}
	who := []slog.Attr{
		slog.String("caller", caller), slog.String("callee", callee), slog.String("link", s.link),
	}
	label, wait := unknown, link.Reply
	if name != "" {
		label = name
		attrs = append(attrs, nameAttributes(name)...)
		wait = s.wait("/" + name)
	}
	if wait != link.Reply {
		attrs = append(attrs, attribute.String("kerf.wait", wait.String()))
		who = append(who, slog.String("wait", wait.String()))
	}
	m := &method{
		caller: caller, name: name, kind: []trace.SpanStartOption{trace.WithSpanKind(s.kind)},
		attrs: attrs, who: who, wait: wait,
		series: s.metrics.series(caller, callee, s.link, label),
	}
	s.addPolicies(m, callee, name)
	return m
}

func (s side) addPolicies(m *method, callee, name string) {
	full := ""
	if name != "" {
		full = "/" + name
	}
	if s.outbound != nil {
		s.outbound(m, full)
	}
	if s.inbound != nil {
		s.inbound(m, callee, full)
	}
}

// awaited is the wait of the callee's side, which knows none, and the default.
func awaited(string) link.Wait { return link.Reply }

func nameAttributes(name string) []attribute.KeyValue {
	slash := strings.LastIndexByte(name, '/')
	if slash < 0 {
		return []attribute.KeyValue{semconv.RPCMethod(name)}
	}
	return []attribute.KeyValue{semconv.RPCService(name[:slash]), semconv.RPCMethod(name[slash+1:])}
}

func fullNames(descs []*grpc.ServiceDesc) []string {
	var names []string
	for _, d := range descs {
		for _, m := range d.Methods {
			names = append(names, "/"+d.ServiceName+"/"+m.MethodName)
		}
		for _, s := range d.Streams {
			names = append(names, "/"+d.ServiceName+"/"+s.StreamName)
		}
	}
	return names
}
