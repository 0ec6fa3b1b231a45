package captures

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// hello is what clients say.
const hello = "hello"

// Service answers in the captures.
type Service struct{ pb.UnimplementedExerciseServer }

// Unary echoes, with the keys "key" as header and "key-bin" as trailer; without a text
// it fails. A caller who has a deadline is told, in place of the text, how many hours
// are left.
func (Service) Unary(ctx context.Context, m *pb.Message) (*pb.Message, error) {
	if m.GetText() == "" {
		s, err := status.New(codes.Aborted, "fällt aus\r\n").WithDetails(wrapperspb.String("why"))
		if err != nil {
			return nil, err
		}
		return nil, s.Err()
	}
	if deadline, bounded := ctx.Deadline(); bounded {
		m.Text = time.Until(deadline).Round(time.Hour).String()
	}
	md, _ := metadata.FromIncomingContext(ctx)
	return m, errors.Join(grpc.SetHeader(ctx, metadata.MD{"key": md["key"]}),
		grpc.SetTrailer(ctx, metadata.MD{"key-bin": md["key-bin"]}))
}

// Chat echoes.
func (Service) Chat(s pb.Exercise_ChatServer) error {
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

// Use is what a client did in a capture.
type Use func(context.Context, *testing.T, pb.ExerciseClient)

// Uses are the captures by file, and what the client of each did.
func Uses() map[string]Use {
	return map[string]Use{
		"unary.txt": unary, "failure.txt": failure, "chat.txt": Chat,
		"large.txt": large, "cancel.txt": cancel, "deadline.txt": deadline,
	}
}

// Without is a context as captures have it: without a deadline that a call could tell.
func Without(ctx context.Context) context.Context { return noDeadline{ctx} }

func unary(ctx context.Context, t *testing.T, client pb.ExerciseClient) {
	t.Helper()
	var header, trailer metadata.MD
	ctx = metadata.AppendToOutgoingContext(ctx, "key", "1", "key", "2", "key-bin", "\x00\xff")
	m, err := client.Unary(ctx, &pb.Message{Text: hello}, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil || m.GetText() != hello || header["key"][1] != "2" || trailer["key-bin"][0] != "\x00\xff" {
		t.Errorf("%v, %v, %v, %v", m, err, header, trailer)
	}
}

func failure(ctx context.Context, t *testing.T, client pb.ExerciseClient) {
	t.Helper()
	_, err := client.Unary(ctx, &pb.Message{})
	s := status.Convert(err)
	if s.Code() != codes.Aborted || s.Message() != "fällt aus\r\n" || len(s.Details()) != 1 ||
		link.Ran(err) != link.Answered {
		t.Errorf("%v, %v", err, s.Details())
	}
}

// Chat sends two messages, and takes back each.
func Chat(ctx context.Context, t *testing.T, client pb.ExerciseClient) {
	t.Helper()
	stream, err := client.Chat(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*pb.Message{{Text: hello}, {}} {
		if err := stream.Send(m); err != nil {
			t.Fatal(err)
		}
		if got, err := stream.Recv(); err != nil || got.GetText() != m.GetText() {
			t.Errorf("%v, %v", got, err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// large sends a message that is cut into pieces, and for which both sides need credit.
func large(ctx context.Context, t *testing.T, client pb.ExerciseClient) {
	t.Helper()
	m := &pb.Message{Text: "large", Payload: bytes.Repeat([]byte("a"), 70_000)}
	if got, err := client.Unary(ctx, m); err != nil || !proto.Equal(got, m) {
		t.Errorf("%v: %d bytes came back", err, proto.Size(got))
	}
}

// cancel gives up a stream that runs.
func cancel(ctx context.Context, t *testing.T, client pb.ExerciseClient) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Chat(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&pb.Message{Text: hello}); err != nil {
		t.Fatal(err)
	}
	if m, err := stream.Recv(); err != nil || m.GetText() != hello {
		t.Errorf("%v, %v", m, err)
	}
	cancel()
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled || link.Ran(err) != link.MayHaveRun {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
}

// deadline has an hour, of which nearly all is left when the call leaves. The captures
// have all of it.
func deadline(ctx context.Context, t *testing.T, client pb.ExerciseClient) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	if m, err := client.Unary(ctx, &pb.Message{Text: "deadline"}); err != nil || m.GetText() != "1h0m0s" {
		t.Errorf("%v, %v", m, err)
	}
}

// Refused makes a call that no handler sees.
func Refused(ctx context.Context, t *testing.T, client pb.ExerciseClient) {
	t.Helper()
	_, err := client.Unary(ctx, &pb.Message{Text: hello})
	if status.Code(err) != codes.Unavailable || link.Ran(err) != link.NeverSent {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
}

// noDeadline ends as its parent does, without telling beforehand: the captures have
// no deadlines.
type noDeadline struct{ context.Context } //nolint:containedctx // the one that it hides

func (noDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }
