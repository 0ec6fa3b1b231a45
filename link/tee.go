package link

import (
	"maps"

	"google.golang.org/grpc"
)

// Tee registers services on several servers at once, so that the same handlers
// are reached by several links.
type Tee []Server

var _ grpc.ServiceRegistrar = Tee{}

// RegisterService registers on each server.
func (t Tee) RegisterService(desc *grpc.ServiceDesc, impl any) {
	for _, s := range t {
		s.RegisterService(desc, impl)
	}
}

// GetServiceInfo describes the services of all servers.
func (t Tee) GetServiceInfo() map[string]grpc.ServiceInfo {
	all := make(map[string]grpc.ServiceInfo)
	for _, s := range t {
		maps.Copy(all, s.GetServiceInfo())
	}
	return all
}
