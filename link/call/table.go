package call

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"

	"github.com/kerf-go/kerf/link"
)

// Table is the services of one server, and how their handlers are called. It is
// safe for concurrent use.
type Table struct {
	options link.ListenOptions
	unary   grpc.UnaryServerInterceptor // nil: none
	stream  grpc.StreamServerInterceptor

	standard encoding.CodecV2 // of calls that ask for no other

	mu       sync.RWMutex // guards the fields below
	services map[string]*service
	late     []func(grpc.ServiceRegistrar)
	mistake  error
	sealed   bool
}

type service struct {
	desc    *grpc.ServiceDesc
	impl    any
	methods map[string]*method
	info    grpc.ServiceInfo
}

// method is one entry; of handler and desc, exactly one is set.
type method struct {
	full    string
	impl    any
	handler grpc.MethodHandler
	desc    *grpc.StreamDesc
}

// streamsBack tells whether the method may answer with any number of messages.
func (m *method) streamsBack() bool { return m.desc != nil && m.desc.ServerStreams }

// NewTable makes an empty table.
func NewTable(o link.ListenOptions) *Table {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MaxRecv == 0 {
		o.MaxRecv = link.DefaultMaxRecv
	}
	if o.MaxSend == 0 {
		o.MaxSend = link.DefaultMaxSend
	}
	return &Table{
		options: o, services: make(map[string]*service),
		unary: chainUnary(o.Unary), stream: chainStream(o.Stream),
		standard: codecByName(""),
	}
}

// RegisterService adds a service. A mistake (twice, after Serve, an
// implementation that lacks methods) is kept, and Seal returns the first.
func (t *Table) RegisterService(desc *grpc.ServiceDesc, impl any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.add(desc, impl); err != nil && t.mistake == nil {
		t.mistake = fmt.Errorf("register %s: %w", desc.ServiceName, err)
		t.options.Logger.Error("service not registered", "service", desc.ServiceName, "error", err)
	}
}

func (t *Table) add(desc *grpc.ServiceDesc, impl any) error {
	if t.sealed {
		return errors.New("the server serves already: register before Serve")
	}
	if t.services[desc.ServiceName] != nil {
		return errors.New("it is registered already")
	}
	if impl != nil && desc.HandlerType != nil {
		want := reflect.TypeOf(desc.HandlerType).Elem()
		if !reflect.TypeOf(impl).Implements(want) {
			return fmt.Errorf("%T does not implement %v", impl, want)
		}
	}
	s := &service{
		desc: desc, impl: impl, methods: make(map[string]*method), info: grpc.ServiceInfo{Metadata: desc.Metadata},
	}
	for _, m := range desc.Methods {
		s.methods[m.MethodName] = &method{
			full: "/" + desc.ServiceName + "/" + m.MethodName, impl: impl, handler: m.Handler,
		}
		s.info.Methods = append(s.info.Methods, grpc.MethodInfo{Name: m.MethodName})
	}
	for _, m := range desc.Streams {
		s.methods[m.StreamName] = &method{
			full: "/" + desc.ServiceName + "/" + m.StreamName, impl: impl, desc: &m,
		}
		s.info.Methods = append(s.info.Methods, grpc.MethodInfo{
			Name: m.StreamName, IsClientStream: m.ClientStreams, IsServerStream: m.ServerStreams,
		})
	}
	t.services[desc.ServiceName] = s
	return nil
}

// BeforeServe has f register services once registration ends: those that can't be
// told earlier.
func (t *Table) BeforeServe(f func(grpc.ServiceRegistrar)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.late = append(t.late, f)
}

// Seal ends registration, and tells the first mistake made in it.
func (t *Table) Seal() error {
	t.mu.Lock()
	late := t.late
	t.late = nil
	t.mu.Unlock()
	for _, f := range late {
		f(t)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sealed = true
	return t.mistake
}

// Each hands on every service that is registered, in no order.
func (t *Table) Each(register func(desc *grpc.ServiceDesc, impl any)) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, s := range t.services {
		register(s.desc, s.impl)
	}
}

// GetServiceInfo describes what is registered, as grpc.Server does.
func (t *Table) GetServiceInfo() map[string]grpc.ServiceInfo {
	t.mu.RLock()
	defer t.mu.RUnlock()
	infos := make(map[string]grpc.ServiceInfo, len(t.services))
	for name, s := range t.services {
		methods := slices.Clone(s.info.Methods) // theirs to sort
		infos[name] = grpc.ServiceInfo{Methods: methods, Metadata: s.info.Metadata}
	}
	return infos
}

// MaxRecv is how many bytes of one message are taken in: what is above may come
// as TooLarge.
func (t *Table) MaxRecv() int { return t.options.MaxRecv }

// Kind gives the stream description of "/package.Service/Method": one without
// streams for a unary method, nil for a method that is not there.
func (t *Table) Kind(full string) *grpc.StreamDesc {
	m, _ := t.lookup(full)
	switch {
	case m == nil:
		return nil
	case m.desc != nil:
		return m.desc
	}
	return &grpc.StreamDesc{}
}

// lookup finds a method, or says what is missing in grpc-go's words.
func (t *Table) lookup(full string) (m *method, missing string) {
	name := strings.TrimPrefix(full, "/")
	slash := strings.LastIndexByte(name, '/')
	if slash < 0 {
		return nil, fmt.Sprintf("malformed method name: %q", full)
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := t.services[name[:slash]]
	if s == nil {
		return nil, fmt.Sprintf("unknown service %v", name[:slash])
	}
	if m = s.methods[name[slash+1:]]; m == nil {
		return nil, fmt.Sprintf("unknown method %v for service %v", name[slash+1:], name[:slash])
	}
	return m, ""
}

func chainUnary(all []grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	if len(all) == 0 {
		return nil
	}
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		next := handler
		for _, interceptor := range slices.Backward(all) {
			inner := next
			next = func(ctx context.Context, req any) (any, error) { return interceptor(ctx, req, info, inner) }
		}
		return next(ctx, req)
	}
}

func chainStream(all []grpc.StreamServerInterceptor) grpc.StreamServerInterceptor {
	if len(all) == 0 {
		return nil
	}
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		next := handler
		for _, interceptor := range slices.Backward(all) {
			inner := next
			next = func(srv any, ss grpc.ServerStream) error { return interceptor(srv, ss, info, inner) }
		}
		return next(srv, ss)
	}
}
