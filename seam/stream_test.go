package seam_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"testing"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

type (
	chatServer   = grpc.BidiStreamingServer[message, message]
	uploadServer = grpc.ClientStreamingServer[message, message]
)

// answerAll sends back what it gets.
func answerAll(s chatServer) error {
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = s.Send(m)
		}
		if err != nil {
			return err
		}
	}
}

func untilDone(s chatServer) error {
	if err := s.Send(&message{}); err != nil {
		return err
	}
	<-s.Context().Done()
	return s.Context().Err()
}

func TestAStreamsSpanEndsWithTheStream(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		chat func(chatServer) error
		use  func(t *testing.T, chat grpc.BidiStreamingClient[message, message], cancel, closeConn func())
		code codes.Code
	}{
		{"at its end", answerAll, func(t *testing.T, chat grpc.BidiStreamingClient[message, message], _, _ func()) {
			t.Helper()
			if err := errors.Join(chat.Send(&message{Text: "a"}), chat.CloseSend()); err != nil {
				t.Error(err)
			}
			for range 3 { // the message, the end, and the end once more
				_, _ = chat.Recv()
			}
		}, codes.OK},
		{
			"with an error", func(chatServer) error { return status.Error(codes.DataLoss, "no") },
			func(_ *testing.T, chat grpc.BidiStreamingClient[message, message], _, _ func()) { _, _ = chat.Recv() },
			codes.DataLoss,
		},
		{
			"with an error that Header meets", func(chatServer) error { return status.Error(codes.DataLoss, "no") },
			func(_ *testing.T, chat grpc.BidiStreamingClient[message, message], _, _ func()) {
				_, _ = chat.Header()
				_, _ = chat.Recv()
			}, codes.DataLoss,
		},
		{
			"when it is cancelled and nobody receives", untilDone,
			func(t *testing.T, chat grpc.BidiStreamingClient[message, message], cancel, _ func()) {
				t.Helper()
				if _, err := chat.Recv(); err != nil {
					t.Error(err)
				}
				cancel()
			}, codes.Canceled,
		},
		{
			"when its conn is closed and nobody receives", untilDone,
			func(t *testing.T, chat grpc.BidiStreamingClient[message, message], _, closeConn func()) {
				t.Helper()
				if _, err := chat.Recv(); err != nil {
					t.Error(err)
				}
				closeConn()
			}, codes.Canceled,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			caller, callee := newProcess(t), newProcess(t)
			cc := caller.dial(t, "web", "back", callee.serve(t, "back", &handlers{chat: row.chat}))
			client := linktestv1.NewExerciseClient(cc)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			chat, err := client.Chat(ctx)
			if err != nil {
				t.Fatal(err)
			}
			row.use(t, chat, cancel, func() { _ = cc.Close() })
			wantStreamEnded(t, caller, callee, row.code)
		})
	}
}

func wantStreamEnded(t *testing.T, caller, callee *process, code codes.Code) {
	t.Helper()
	span, served := caller.ended(t, 1)[0], callee.ended(t, 1)[0]
	if served.Parent.SpanID() != span.SpanContext.SpanID() || span.SpanKind != trace.SpanKindClient {
		t.Errorf("want the callee's span beneath the caller's")
	}
	if got := attributes(span)["rpc.grpc.status_code"]; got != strconv.Itoa(int(code)) {
		t.Errorf("ended with %s, want %v", got, code)
	}
	caller.wantMetrics(t, `kerf_client_calls_in_flight{callee="back",caller="web",link="grpc",`+
		`method="kerf.linktest.v1.Exercise/Chat"} 0`)
}

func TestAStreamWithOneAnswerEndsWithIt(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	to := p.serve(t, "back", &handlers{upload: func(s uploadServer) error {
		for {
			if _, err := s.Recv(); err != nil {
				return s.SendAndClose(&message{Text: "answer"})
			}
		}
	}})
	upload, err := linktestv1.NewExerciseClient(p.dial(t, "web", "back", to)).Upload(t.Context())
	if err == nil {
		err = upload.Send(&message{Text: "a"})
	}
	if err == nil {
		_, err = upload.CloseAndRecv()
	}
	if err != nil {
		t.Fatal(err)
	}
	p.ended(t, 2)
	const rest = `link="grpc",method="kerf.linktest.v1.Exercise/Upload"} `
	p.wantMetrics(t,
		`kerf_client_calls_total{callee="back",caller="web",code="OK",`+rest+`1`,
		`kerf_client_response_bytes_total{callee="back",caller="web",`+rest+`8`)
}

func TestAStreamThatCannotBeOpenedEnds(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	cc := p.dial(t, "web", "back", p.serve(t, "back", &handlers{chat: answerAll}))
	if err := cc.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := linktestv1.NewExerciseClient(cc).Chat(t.Context()); err == nil {
		t.Error("a closed conn opened a stream")
	}
	p.ended(t, 1)
}
