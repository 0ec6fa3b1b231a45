package httplink_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link/linktest/captures"
	"github.com/kerf-go/kerf/link/linktest/hostile"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// exercise is what hostile peers are served, and others beside them.
type exercise struct{ captures.Service }

func (exercise) Upload(s pb.Exercise_UploadServer) error { return counting{}.Upload(s) }

// target is the address of a server, and a good call to it.
func target(t *testing.T) (address string, well func(*testing.T)) {
	t.Helper()
	server := serve(t, exercise{})
	return strings.TrimPrefix(server.URL(), "http://"), hostile.Well(dialURL(t, server.URL()))
}

// The beginnings of requests by HTTP/1.1.
const (
	asked   = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	unary   = "POST " + pb.Exercise_Unary_FullMethodName + asked
	upload  = "POST " + pb.Exercise_Upload_FullMethodName + asked
	inProto = "Content-Type: application/proto\r\n"
	chunked = "Transfer-Encoding: chunked\r\n"
)

// sent is a message to the unary method, with another header.
func sent(message string, header ...string) string {
	return fmt.Sprint(unary, inProto, "Content-Length: ", len(message), "\r\n", strings.Join(header, "\r\n"),
		strings.Repeat("\r\n", 1+len(header)), message)
}

// streamed is envelopes to the method that takes a stream of them.
func streamed(envelopes string) string {
	return upload + "Content-Type: application/connect+proto\r\n" + chunked + fmt.Sprintf(
		"Connect-Content-Encoding: gzip\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(envelopes), envelopes)
}

const good = "\x00\x00\x00\x00\x03\x0a\x01x" // an envelope

func TestHostileRequestsEndWithAStatus(t *testing.T) {
	t.Parallel()
	address, well := target(t)
	for name, c := range map[string]struct{ says, want string }{
		"another protocol":             {"kerf\x01\x01\x00\x00 and so on, and on\r\n\r\n", "400 Bad Request"},
		"a version too new":            {"POST / HTTP/9.0\r\n\r\n", "505 HTTP Version"},
		"no host":                      {"POST / HTTP/1.1\r\n\r\n", "400 Bad Request"},
		"a head above the limit":       {sent("", "X: "+strings.Repeat("x", 2<<20)), "431 Request Header"},
		"two lengths":                  {sent("", "Content-Length: 7"), "400 Bad Request"},
		"a length below nothing":       {unary + inProto + "Content-Length: -1\r\n\r\n", "400 Bad Request"},
		"a transfer that nobody knows": {unary + "Transfer-Encoding: nope\r\n\r\n", "501 Not Implemented"},
		"a chunk that is no number":    {unary + inProto + chunked + "\r\nzz\r\n", `"unknown"`},
		"another method of HTTP":       {"PUT" + sent("x")[len("POST"):], "405 Method"},

		"no content type": {unary + "Content-Length: 0\r\n\r\n", "415 Unsupported"},
		"another content type": {
			unary + "Content-Type: text/html\r\nContent-Length: 0\r\n\r\n", "415 Unsupported",
		},
		"one message where a stream is due": {upload + inProto + "Content-Length: 0\r\n\r\n", "415 Unsupported"},
		"a version of Connect too new":      {sent("", "Connect-Protocol-Version: 9"), `"invalid_argument"`},
		"a timeout that is no number":       {sent("", "Connect-Timeout-Ms: soon"), `"invalid_argument"`},
		"a timeout too long to say":         {sent("", "Connect-Timeout-Ms: 99999999999"), `"invalid_argument"`},

		"a compression that nobody knows":   {sent("x", "Content-Encoding: nope"), `"unimplemented"`},
		"a compressed message uncompressed": {sent("x", "Content-Encoding: gzip"), `"invalid_argument"`},
		"a message above the limit":         {sent(strings.Repeat("x", 5<<20)), `"resource_exhausted"`},
		"a message that is no protobuf":     {sent("\xff\xff"), `"internal"`},
		"a message that is no JSON": {
			unary + "Content-Type: application/json\r\nContent-Length: 1\r\n\r\n{", `"invalid_argument"`,
		},

		"a flag that nobody knows":           {streamed(good + hostile.Envelope(4, "x")), `"internal"`},
		"a flag of another protocol":         {streamed(good + hostile.Envelope(128, "x")), `"internal"`},
		"an end that is none":                {streamed(good + hostile.Envelope(2, "x")), `"internal"`},
		"a compressed envelope uncompressed": {streamed(good + hostile.Envelope(1, "x")), `"invalid_argument"`},
		"an envelope of no protobuf":         {streamed(good + hostile.Envelope(0, "\xff")), `"internal"`},
		"an envelope cut in the middle":      {streamed(good + good[:6]), `"internal"`},
		"a length cut in the middle":         {streamed(good + good[:3]), `"internal"`},
		"a length above the limit":           {streamed(good + "\x00\x00\x40\x00\x01"), `"resource_exhausted"`},
		"a length far above the limit":       {streamed(good + "\x00\xff\xff\xff\xff"), `"resource_exhausted"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := hostile.Connect(t, address)
			_, _ = io.WriteString(n, c.says) // it may close meanwhile
			if said := hostile.Closed(t, n); !strings.Contains(said, c.want) {
				t.Errorf("the answer is %q, want %s", said, c.want)
			}
			well(t)
		})
	}
}

func TestRequestsThatEndInTheMiddleAreGivenUp(t *testing.T) {
	t.Parallel()
	address, well := target(t)
	for name, says := range map[string]string{
		"nothing":             "",
		"half a request":      "POST",
		"half a head":         unary + "Content-",
		"half a message":      unary + inProto + "Content-Length: 9\r\n\r\nxx",
		"half a chunk":        upload + "Content-Type: application/connect+proto\r\n" + chunked + "\r\n99\r\n" + good,
		"a huge chunk":        unary + inProto + chunked + "\r\nffffffffffffffff\r\nx",
		"a length and no end": unary + inProto + "Content-Length: 1099511627776\r\n\r\n" + strings.Repeat("x", 5<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := hostile.Connect(t, address)
			_, _ = io.WriteString(c, says)
			_ = c.CloseWrite()
			if said := hostile.Closed(t, c); strings.Contains(said, " 200 ") && !strings.Contains(said, `"error"`) {
				t.Errorf("the answer is %q", said)
			}
			well(t)
		})
	}
}

func TestHostileBytesOfHTTP2CloseTheConnection(t *testing.T) {
	t.Parallel()
	address, well := target(t)
	hostile.Bytes(t, address, hostile.HTTP2(), well)
	t.Run("pings without end", func(t *testing.T) {
		t.Parallel()
		hostile.Pings(t, address)
		well(t)
	})
}

func TestHostileCallsOfGRPCEndWithAStatus(t *testing.T) { //nolint:paralleltest // it measures memory
	address, well := target(t)
	hostile.GRPC(t, "http://"+address, well)
}

func TestMemoryIsBoundedWhateverIsPromised(t *testing.T) { //nolint:paralleltest // it measures memory
	address, well := target(t)
	for _, says := range []string{
		sent(hostile.Bomb(), "Content-Encoding: gzip"),
		streamed(hostile.Envelope(1, hostile.Bomb())),
		streamed("\x00\xff\xff\xff\xff"),
	} {
		c := hostile.Connect(t, address)
		hostile.Cheap(t, func() {
			_, _ = io.WriteString(c, says)
			if said := hostile.Closed(t, c); !strings.Contains(said, `"resource_exhausted"`) {
				t.Errorf("the answer is %q", said)
			}
		})
		well(t)
	}
}

func TestAnAnswerTakesNoMoreMemoryThanTheCallLets(t *testing.T) { //nolint:paralleltest // it measures memory
	const ok = "HTTP/1.1 200 OK\r\n"
	const streams = "Content-Type: application/connect+proto\r\n\r\n"
	large := strings.Repeat("x", 100<<20)
	for answer, call := range map[string]func(pb.ExerciseClient) error{
		ok + inProto + "\r\n" + large: func(client pb.ExerciseClient) error {
			_, err := client.Unary(t.Context(), &pb.Message{})
			return err
		},
		ok + streams + hostile.Envelope(0, large): func(client pb.ExerciseClient) error {
			stream, err := client.Download(t.Context(), &pb.Message{})
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		},
	} {
		conn := dialURL(t, "http://"+hostile.Impostor(t, hostile.Answer{Reply: answer})+"?http=1")
		hostile.Cheap(t, func() {
			if err := call(pb.NewExerciseClient(conn)); status.Code(err) != codes.ResourceExhausted {
				t.Error(err)
			}
		})
	}
}

func TestRandomBytesHarmNobody(t *testing.T) {
	t.Parallel()
	address, well := target(t)
	hostile.Random(t, address, streamed(good),
		hostile.HTTP2Call(pb.Exercise_Unary_FullMethodName, "application/grpc", good))
	well(t)
}

// A server that makes no sense ends the calls, soon and with a status.
func TestHostileAnswersEndTheCall(t *testing.T) {
	t.Parallel()
	const (
		ok     = "HTTP/1.1 200 OK\r\n"
		failed = "HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\n\r\n"
		whole  = ok + inProto + "\r\n"
		stream = ok + "Content-Type: application/connect+proto\r\n\r\n"
	)
	for name, answer := range map[string]string{
		"nothing":                        "",
		"another protocol":               "kerf\x01\x01\x00\x00",
		"half a head":                    ok + "Content-",
		"a head above the limit":         ok + "X: " + strings.Repeat("x", 11<<20),
		"a status that cannot be":        "HTTP/1.1 2000 OK\r\n\r\n",
		"a page":                         ok + "Content-Type: text/html\r\n\r\n<html>",
		"a page of a proxy":              "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<html>",
		"a way elsewhere":                "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
		"half a message":                 ok + inProto + "Content-Length: 9\r\n\r\n\x0a\x01x",
		"a chunk that is no number":      ok + inProto + chunked + "\r\nzz\r\n",
		"a message above the limit":      whole + strings.Repeat("x", 5<<20),
		"a message that is no protobuf":  whole + "\xff\xff",
		"a compression nobody asked for": ok + inProto + "Content-Encoding: gzip\r\n\r\nx",
		"a failure of nothing":           failed,
		"a failure without a code":       failed + "{}",
		"a failure that says OK":         failed + `{"code": "code_0"}`,
		"a stream of nothing":            stream,
		"a stream without an end":        stream + good,
		"half an envelope":               stream + good[:6],
		"a length above the limit":       stream + "\x00\x00\x40\x00\x01",
		"a flag that nobody knows":       stream + hostile.Envelope(4, "x"),
		"an envelope that is compressed": stream + hostile.Envelope(1, "x"),
		"an end that is no JSON":         stream + hostile.Envelope(2, "x"),
		"an end that says OK":            stream + hostile.Envelope(2, `{"error": {"code": "code_0"}}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hostile.Fails(t, dialURL(t, "http://"+hostile.Impostor(t, hostile.Answer{Reply: answer})+"?http=1"))
		})
	}
	for name, answer := range hostile.HTTP2Answers("application/connect+proto") {
		t.Run("HTTP2 with "+name, func(t *testing.T) {
			t.Parallel()
			hostile.Fails(t, dialURL(t, "http://"+hostile.Impostor(t, answer)))
		})
	}
}
