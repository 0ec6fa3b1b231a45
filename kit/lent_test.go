package kit_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/kerftest"
	"github.com/kerf-go/kerf/link/grpclink"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// plain is echo without demands.
type plain struct {
	linktestv1.UnimplementedExerciseServer
}

func (plain) Unary(_ context.Context, m *linktestv1.Message) (*linktestv1.Message, error) {
	return m, nil
}

func TestAServiceThatWantsAServerOfGRPCIsPartOfAnApp(t *testing.T) {
	t.Parallel()
	app := kerf.App{Name: "old", Services: []kerf.Service{{
		Name: "old", Serves: []*grpc.ServiceDesc{&linktestv1.Exercise_ServiceDesc},
		New: func(_ context.Context, h *kerf.Host) error {
			grpclink.Register(h, func(s *grpc.Server) { linktestv1.RegisterExerciseServer(s, plain{}) })
			return nil
		},
	}}}
	kerftest.Run(t, app, []string{""}, func(t *testing.T, env *kerftest.Env) {
		t.Helper()
		client := linktestv1.NewExerciseClient(env.Conn("old"))
		if answer, err := client.Unary(t.Context(), &linktestv1.Message{Text: "hi"}); answer.GetText() != "hi" {
			t.Errorf("%v, %v", answer, err)
		}
	})
}
