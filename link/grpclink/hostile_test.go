package grpclink_test

import (
	"strings"
	"testing"

	"github.com/kerf-go/kerf/link/linktest/hostile"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// target is the address of a server, and a good call to it.
func target(t *testing.T) (address string, well func(*testing.T)) {
	t.Helper()
	server := listen(t)
	pb.RegisterExerciseServer(server, echo{})
	serve(t, server)
	return strings.TrimPrefix(server.URL(), "grpc://"), hostile.Well(dial(t, server.URL()))
}

func TestHostileBytesCloseTheConnection(t *testing.T) {
	t.Parallel()
	address, well := target(t)
	cases := hostile.HTTP2()
	cases["another protocol"] = "POST / HTTP/1.1\r\nHost: x\r\n\r\n"
	hostile.Bytes(t, address, cases, well)
	t.Run("pings without end", func(t *testing.T) {
		t.Parallel()
		hostile.Pings(t, address)
		well(t)
	})
}

func TestHostileCallsEndWithAStatus(t *testing.T) { //nolint:paralleltest // it measures memory
	address, well := target(t)
	hostile.GRPC(t, "http://"+address, well)
}

func TestRandomBytesHarmNobody(t *testing.T) {
	t.Parallel()
	address, well := target(t)
	hostile.Random(t, address, hostile.HTTP2Call(pb.Exercise_Unary_FullMethodName, "application/grpc",
		hostile.Envelope(0, "\x0a\x01x")))
	well(t)
}

// A server that makes no sense ends the calls, soon and with a status.
func TestHostileAnswersEndTheCall(t *testing.T) {
	t.Parallel()
	for name, answer := range hostile.HTTP2Answers("application/grpc") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hostile.Fails(t, dial(t, "grpc://"+hostile.Impostor(t, answer)))
		})
	}
}
