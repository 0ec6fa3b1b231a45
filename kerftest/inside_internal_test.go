package kerftest

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/plan"
)

func TestTheProcessOfAnEmbeddedBrokerIsNotReplaced(t *testing.T) {
	t.Parallel()
	app := kerf.App{Name: "app", Services: []kerf.Service{
		{Name: "front", Calls: []string{"back"}, New: func(_ context.Context, h *kerf.Host) error {
			h.Conn("back")
			return nil
		}},
		{
			Name: "back", Serves: []*grpc.ServiceDesc{&healthv1.Health_ServiceDesc},
			New: func(_ context.Context, h *kerf.Host) error {
				healthv1.RegisterHealthServer(h, health.NewServer())
				return nil
			},
		},
	}}
	p, err := plan.Parse("plan.yaml", []byte("version: 1\napp: app\nlink: nats\n"+
		"processes: {front: {services: [front]}, back: {services: [back]}}\n"), kit.Batteries().Model(app))
	if err != nil {
		t.Fatal(err)
	}
	err = newInside(t, app, p).replace(t.Context(), plan.BrokerProcess)
	if err == nil || !strings.Contains(err.Error(), "name it in the plan (broker: nats://host:4222)") {
		t.Errorf("got %v", err)
	}
}
