package run_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/kerf-go/kerf"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

const sentTell = "methods: {kerf.linktest.v1.Exercise/Tell: {wait: sent}}\n"

// keepHost is a front that only keeps its Host.
func keepHost(host **kerf.Host) func(context.Context, *kerf.Host) error {
	return func(_ context.Context, h *kerf.Host) error {
		*host = h
		h.RegisterService(frontDesc(), &handlers{})
		h.Conn("back")
		return nil
	}
}

func TestASentCallDelaysNobodyAndIsWaitedForInADrain(t *testing.T) {
	t.Parallel()
	eachPlan(t, func(t *testing.T, text string) {
		t.Helper()
		entered, goOn, heard := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		var host *kerf.Host
		app := pair(keepHost(&host), registerBack(&handlers{tell: func(ctx context.Context, _ *message) error {
			close(entered)
			<-goOn
			heard <- ctx.Err()
			return nil
		}}))
		front := startAll(t, app, text+sentTell, "front")
		ctx, cancel := context.WithCancel(t.Context())
		_, err := linktestv1.NewExerciseClient(host.Conn("back")).Tell(ctx, &message{})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		await(t, "the handler", entered)
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			stop(t, front)
		}()
		ready := front.Admin() + "/readyz"
		poll(t, "it drains", func() bool { return getCode(t, ready) == http.StatusServiceUnavailable })
		select {
		case <-stopped:
			t.Error("the drain did not wait")
		default:
		}
		close(goOn)
		if err := await(t, "the handler's end", heard); err != nil {
			t.Errorf("it was cut off: %v", err)
		}
		await(t, "the stop", stopped)
	})
}

func TestAStopThatMayNotWaitCutsSentCallsOff(t *testing.T) {
	t.Parallel()
	eachPlan(t, func(t *testing.T, text string) {
		t.Helper()
		entered, heard := make(chan struct{}), make(chan error, 1)
		var host *kerf.Host
		app := pair(keepHost(&host), registerBack(&handlers{tell: func(ctx context.Context, _ *message) error {
			close(entered)
			<-ctx.Done()
			heard <- ctx.Err()
			return nil
		}}))
		front := startAll(t, app, text+sentTell, "front")
		if _, err := linktestv1.NewExerciseClient(host.Conn("back")).Tell(t.Context(), &message{}); err != nil {
			t.Fatal(err)
		}
		await(t, "the handler", entered)
		wantError(t, stopNow(t, front), "sent calls are still under way")
		await(t, "the handler's end", heard)
	})
}
