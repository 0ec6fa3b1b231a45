package gateway

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/transcode"
)

// ServiceConfig is what a plan says of a gateway, in config.NAME.
type ServiceConfig struct {
	File plan.Path `yaml:"file"` // the gateway's configuration
}

// Service makes a gateway a service of an app: it answers on the addresses that its
// configuration lists, or else on the web address of its process. Its routes may call the services
// that it is given, through their conns: one in the same process is a function away. On the web
// address it stands before all pages of the process, which its routes may lead to.
func Service(name string, services ...kerf.Service) kerf.Service {
	calls := make([]string, len(services))
	for i, s := range services {
		calls[i] = s.Name
	}
	return kerf.Service{Name: name, Calls: calls, Optional: true, New: func(_ context.Context, h *kerf.Host) error {
		var config ServiceConfig
		if err := h.Config(&config); err != nil {
			return err
		}
		if config.File == "" {
			return fmt.Errorf("the gateway needs its configuration: "+
				"write config: {%s: {file: gateway.yaml}} in the plan", name)
		}
		o := Options{
			Logger: h.Logger(), Report: h.Report, Services: make(map[string][]transcode.Service),
			Metrics: prometheus.WrapRegistererWith(prometheus.Labels{"service": name}, h.Metrics()),
		}
		for _, s := range services {
			described, err := describe(s, h.Conn(s.Name))
			if err != nil {
				return err
			}
			o.Services[s.Name] = described
		}
		pages := new(latePages)
		o.Pages = pages
		g, err := Open(string(config.File), o)
		if err != nil {
			return err
		}
		if len(g.current.Load().config.Listen) > 0 {
			h.Go("listeners", func(ctx context.Context) error {
				s, err := g.Listen(ctx, h.Instrument(g))
				if err != nil {
					return err
				}
				return s.Serve(ctx)
			})
		} else {
			h.Around(func(others http.Handler) http.Handler {
				pages.Handler = others
				return g
			})
			h.Go("admin", g.serveAdmin)
		}
		h.Go("reload", func(ctx context.Context) error {
			signals := make(chan os.Signal, 1)
			signal.Notify(signals, syscall.SIGHUP)
			defer signal.Stop(signals)
			g.Watch(ctx, signals)
			return nil
		})
		h.OnStop(func(context.Context) error { return g.Close() })
		return nil
	}}
}

// latePages are the pages of a process, once those are known.
type latePages struct{ http.Handler }

// describe finds the descriptors of what a service serves.
func describe(s kerf.Service, conn grpc.ClientConnInterface) ([]transcode.Service, error) {
	all := make([]transcode.Service, len(s.Serves))
	for i, desc := range s.Serves {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(desc.ServiceName))
		if err != nil {
			return nil, fmt.Errorf("%s is not described in this program: %w", desc.ServiceName, err)
		}
		service, ok := found.(protoreflect.ServiceDescriptor)
		if !ok {
			return nil, fmt.Errorf("%s is no service", desc.ServiceName)
		}
		all[i] = transcode.Service{Desc: service, Conn: conn}
	}
	return all, nil
}
