package run

import (
	"sync"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/link"
)

// registry registers services on all servers of a process, those included that join later.
type registry struct {
	mu         sync.Mutex // guards the fields below
	servers    link.Tee
	registered []registration
}

type registration struct {
	desc *grpc.ServiceDesc
	impl any
}

var _ grpc.ServiceRegistrar = (*registry)(nil)

func (r *registry) RegisterService(desc *grpc.ServiceDesc, impl any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.registered = append(r.registered, registration{desc, impl})
	r.servers.RegisterService(desc, impl)
}

func (r *registry) GetServiceInfo() map[string]grpc.ServiceInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.servers.GetServiceInfo()
}

// join adds a server, which serves what has been registered so far.
func (r *registry) join(s link.Server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, service := range r.registered {
		s.RegisterService(service.desc, service.impl)
	}
	r.servers = append(r.servers, s)
}
