package natslink

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// FuzzDeadLetter reads letters of anything: each has a status which is a failure, and
// which is read again as it was.
func FuzzDeadLetter(f *testing.F) {
	detailed, err := status.New(codes.Aborted, "ü\r\n").WithDetails(wrapperspb.String("detail"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(writeStatus(detailed), "5", "2026-11-22T09:45:21.5Z", writeAccepted(accepted1()))
	f.Add(writeStatus(status.New(codes.OK, "")), "-1", "yesterday", []byte("kerf"))
	f.Add("", "", "", []byte(nil))
	f.Add("=", "99999999999999999999", "", []byte{0})
	f.Fuzz(func(t *testing.T, why, attempts, accepted string, request []byte) {
		m := &jetstream.RawStreamMsg{Header: nats.Header{}, Data: request}
		m.Header.Set(statusHeader, why)
		m.Header.Set(attemptsHeader, attempts)
		m.Header.Set(acceptedHeader, accepted)
		l := letterOf("app", m)
		if l.Status.Code() == codes.OK {
			t.Fatalf("%q is read as OK", why)
		}
		if again := readStatus(writeStatus(l.Status)); !proto.Equal(again.Proto(), l.Status.Proto()) {
			t.Fatalf("%v is read as %v", l.Status, again)
		}
	})
}
