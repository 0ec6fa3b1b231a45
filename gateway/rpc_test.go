package gateway_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	exercise "github.com/kerf-go/kerf/link/linktest/v1"
)

const callsOnly = `
routes:
  - match: {path: /kerf.linktest.v1.Exercise/*}
    call: [exercise]
    headers: {response: {set: {x-frame-options: DENY}}}
`

func TestClientsOfGRPCCallThroughTheGateway(t *testing.T) {
	t.Parallel()
	b := setup(t, callsOnly, nil, newExercise(t))
	conn, err := grpc.NewClient(strings.TrimPrefix(b.url, "http://"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	client := exercise.NewExerciseClient(conn)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "reader", "ann", "kerf-caller", "web")
	t.Run("one message, with metadata both ways", func(t *testing.T) {
		t.Parallel()
		var header, trailer metadata.MD
		m := &exercise.Message{Text: "hi", Payload: []byte{0, 255}, Tags: []string{"a"}}
		m.ProtoReflect().SetUnknown([]byte{0xf8, 0x07, 0x01}) // field 127: of a later version
		got, err := client.Unary(ctx, m, grpc.Header(&header), grpc.Trailer(&trailer))
		if err != nil || !proto.Equal(got, m) {
			t.Fatalf("%v: %v", got, err)
		}
		if header.Get("reader")[0] != "ann" || header.Get("mark-bin")[0] != "\xff\x00" ||
			trailer.Get("shelf")[0] != "3" {
			t.Errorf("%v, %v", header, trailer)
		}
		if header.Get("forged")[0] != "" {
			t.Errorf("the service was told that %s calls", header.Get("forged"))
		}
	})
	t.Run("a status with details", func(t *testing.T) {
		t.Parallel()
		_, err := client.Unary(ctx, &exercise.Message{Text: "fail"})
		isFailure(t, status.Convert(err))
	})
	t.Run("a deadline", func(t *testing.T) {
		t.Parallel()
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		if _, err := client.Unary(short, &exercise.Message{Text: "wait"}); status.Code(err) != codes.DeadlineExceeded {
			t.Error(err)
		}
	})
	t.Run("messages of more bytes than a request may have", func(t *testing.T) {
		t.Parallel()
		s, err := client.Upload(ctx)
		if err != nil {
			t.Fatal(err)
		}
		const each, most = 1 << 20, 12
		for range most {
			if err := s.Send(&exercise.Message{Payload: make([]byte, each)}); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.CloseAndRecv(); err != nil || got.GetNumber() != each*most {
			t.Errorf("%d bytes came: %v", got.GetNumber(), err)
		}
		if s.Trailer().Get("shelf")[0] != "3" {
			t.Error(s.Trailer())
		}
	})
	t.Run("a stream of answers that fails", func(t *testing.T) {
		t.Parallel()
		s, err := client.Download(ctx, &exercise.Message{Number: 3, Text: "fail"})
		if err != nil {
			t.Fatal(err)
		}
		for n := range int64(3) {
			if m, err := s.Recv(); err != nil || m.GetNumber() != n {
				t.Fatalf("%v: %v", m, err)
			}
		}
		_, err = s.Recv()
		isFailure(t, status.Convert(err))
	})
	t.Run("a talk, each word as it comes", func(t *testing.T) {
		t.Parallel()
		talk, err := client.Chat(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"one", "two"} {
			if err := talk.Send(&exercise.Message{Text: word}); err != nil {
				t.Fatal(err)
			}
			if m, err := talk.Recv(); err != nil || m.GetText() != word {
				t.Fatalf("%v: %v", m, err)
			}
		}
		_ = talk.CloseSend()
		if _, err := talk.Recv(); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
	t.Run("a stream whose client goes", func(t *testing.T) {
		t.Parallel()
		short, cancel := context.WithCancel(ctx)
		s, err := client.Download(short, &exercise.Message{Number: 1, Text: "wait"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); err != nil {
			t.Fatal(err)
		}
		cancel() // the service would wait for ever, and the gateway's Close for it
	})
	t.Run("a message that is too large", func(t *testing.T) {
		t.Parallel()
		talk, err := client.Chat(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_ = talk.Send(&exercise.Message{Payload: make([]byte, 5<<20)})
		if _, err := talk.Recv(); status.Code(err) != codes.ResourceExhausted {
			t.Error(err)
		}
	})
	t.Run("a method that is not there", func(t *testing.T) {
		t.Parallel()
		err := conn.Invoke(ctx, "/kerf.linktest.v1.Exercise/Nothing", &exercise.Message{}, &exercise.Message{})
		if status.Code(err) != codes.Unimplemented {
			t.Error(err)
		}
	})
}

func isFailure(t *testing.T, s *status.Status) {
	t.Helper()
	if s.Code() != codes.FailedPrecondition || s.Message() != "the shelf is full" || len(s.Details()) != 1 {
		t.Fatalf("%v", s)
	}
	if info, ok := s.Details()[0].(*errdetails.ErrorInfo); !ok || info.GetReason() != "FULL" {
		t.Errorf("%v", s.Details())
	}
}

func TestClientsOfConnectCallThroughTheGateway(t *testing.T) {
	t.Parallel()
	b := setup(t, callsOnly, nil, newExercise(t))
	var http1, http2 http.Protocols
	http1.SetHTTP1(true)
	http2.SetUnencryptedHTTP2(true)
	for name, c := range map[string]struct {
		protocols http.Protocols
		options   []connect.ClientOption
	}{
		"Connect over HTTP/1.1":  {http1, nil},
		"Connect over HTTP/2":    {http2, nil},
		"Connect in JSON":        {http1, []connect.ClientOption{connect.WithProtoJSON()}},
		"gRPC-Web over HTTP/1.1": {http1, []connect.ClientOption{connect.WithGRPCWeb()}},
		"gRPC-Web, compressed, in JSON": {http2, []connect.ClientOption{
			connect.WithGRPCWeb(), connect.WithSendGzip(),
			connect.WithProtoJSON(),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := &http.Transport{Protocols: &c.protocols}
			t.Cleanup(transport.CloseIdleConnections)
			tryConnect(t, &http.Client{Transport: transport}, b.url, c.options)
		})
	}
}

func tryConnect(t *testing.T, by *http.Client, url string, options []connect.ClientOption) {
	t.Helper()
	method := func(name string) *connect.Client[exercise.Message, exercise.Message] {
		method := url + "/kerf.linktest.v1.Exercise/" + name
		return connect.NewClient[exercise.Message, exercise.Message](by, method, options...)
	}
	request := connect.NewRequest(&exercise.Message{Text: "hi"})
	request.Header().Set("Reader", "ann")
	got, err := method("Unary").CallUnary(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if got.Msg.GetText() != "hi" || got.Header().Get("Reader") != "ann" || got.Trailer().Get("Shelf") != "3" ||
		got.Header().Get("X-Frame-Options") != "DENY" {
		t.Errorf("%v, %v, %v", got.Msg, got.Header(), got.Trailer())
	}
	_, err = method("Unary").CallUnary(t.Context(), connect.NewRequest(&exercise.Message{Text: "fail"}))
	isFullShelf(t, err)
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = method("Unary").CallUnary(short, connect.NewRequest(&exercise.Message{Text: "wait"}))
	if connect.CodeOf(err) != connect.CodeDeadlineExceeded {
		t.Error(err)
	}
	up := method("Upload").CallClientStream(t.Context())
	for _, word := range []string{"one", "two"} {
		if err := up.Send(&exercise.Message{Text: word}); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := up.CloseAndReceive(); err != nil || !slices.Equal(all.Msg.GetTags(), []string{"one", "two"}) {
		t.Errorf("%v: %v", all, err)
	}
	down, err := method("Download").CallServerStream(t.Context(),
		connect.NewRequest(&exercise.Message{Number: 2, Text: "fail"}))
	if err != nil {
		t.Fatal(err)
	}
	defer down.Close()
	n := 0
	for down.Receive() {
		n++
	}
	if n != 2 {
		t.Errorf("%d messages came", n)
	}
	isFullShelf(t, down.Err())
}

func isFullShelf(t *testing.T, err error) {
	t.Helper()
	failed, ok := errors.AsType[*connect.Error](err)
	if !ok || failed.Code() != connect.CodeFailedPrecondition || failed.Message() != "the shelf is full" ||
		len(failed.Details()) != 1 || failed.Details()[0].Type() != "google.rpc.ErrorInfo" {
		t.Errorf("%v", err)
	}
}

// A browser's request, byte by byte, since no client here is one.
func TestARequestOfGRPCWeb(t *testing.T) {
	t.Parallel()
	b := setup(t, callsOnly, nil, newExercise(t))
	message := []byte("\x0a\x02hi") // text, which is field 1, of 2 bytes
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/kerf.linktest.v1.Exercise/Unary",
		bytes.NewReader(frameOf(0, message)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/grpc-web+proto")
	r.Header.Set("X-Grpc-Web", "1")
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	end, found := bytes.CutPrefix(body, frameOf(0, message))
	if !found || response.Header.Get("Content-Type") != "application/grpc-web+proto" ||
		len(end) < 5 || end[0] != 0x80 || !strings.Contains(string(end), "grpc-status: 0\r\n") ||
		!strings.Contains(string(end), "shelf: 3\r\n") {
		t.Errorf("%v: %q", response.Header, body)
	}
}

func frameOf(flag byte, message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{flag}, uint32(len(message))), message...)
}

func TestPlainJSONIsNoCallByConnect(t *testing.T) {
	t.Parallel()
	b := setup(t, callsOnly, nil, newExercise(t))
	for name, c := range map[string]struct{ version, want string }{
		"google.rpc.Status for a plain client":  {"", `"code":9`},
		"its own words for a client of Connect": {"1", `"code":"failed_precondition"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/kerf.linktest.v1.Exercise/Unary",
				strings.NewReader(`{"text": "fail"}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			if c.version != "" {
				r.Header.Set("Connect-Protocol-Version", c.version)
			}
			response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if got := fmt.Sprint(response.StatusCode, string(body)); err != nil || !strings.HasPrefix(got, "400") ||
				!strings.Contains(got, c.want) {
				t.Errorf("%s: %v", got, err)
			}
		})
	}
}
