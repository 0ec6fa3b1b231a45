package kerf_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/kit"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// An app of two services, started as a program would be without any arguments:
// both in one process. Which other processes there are is up to a plan.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	app := kerf.App{Name: "example", Services: []kerf.Service{{
		Name:   "echo",
		Serves: []*grpc.ServiceDesc{&linktestv1.Exercise_ServiceDesc},
		New: func(_ context.Context, h *kerf.Host) error {
			linktestv1.RegisterExerciseServer(h, echo{})
			return nil
		},
	}, {
		Name:  "visitor",
		Calls: []string{"echo"},
		New: func(_ context.Context, h *kerf.Host) error {
			client := linktestv1.NewExerciseClient(h.Conn("echo"))
			h.Go("visit", func(ctx context.Context) error {
				answer, err := client.Unary(ctx, &linktestv1.Message{Text: "is anybody there?"})
				fmt.Println(answer.GetText())
				stop()
				return err
			})
			return nil
		},
	}}}
	data, err := os.MkdirTemp("", "example")
	if err == nil {
		err = kit.Run(ctx, app, []string{"run", "--data", data}, io.Discard, io.Discard)
	}
	fmt.Println(errors.Join(err, os.RemoveAll(data)))
	// Output:
	// is anybody there?
	// <nil>
}
