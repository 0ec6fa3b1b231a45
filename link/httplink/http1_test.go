package httplink_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// counting streams in one direction at a time.
type counting struct{ pb.UnimplementedExerciseServer }

func (counting) Upload(s pb.Exercise_UploadServer) error {
	for n := int64(0); ; n++ {
		_, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return s.SendAndClose(&pb.Message{Number: n})
		}
		if err != nil {
			return err
		}
	}
}

func (counting) Download(m *pb.Message, s pb.Exercise_DownloadServer) error {
	s.SetTrailer(metadata.Pairs("below", "1"))
	for n := range m.GetNumber() {
		if err := s.Send(&pb.Message{Number: n}); err != nil {
			return err
		}
	}
	return status.Error(codes.Aborted, "enough")
}

func TestHTTP1CarriesStreamsOfOneDirection(t *testing.T) {
	t.Parallel()
	client := pb.NewExerciseClient(dialURL(t, serve(t, counting{}).URL()+"?http=1"))
	var trailer metadata.MD
	down, err := client.Download(t.Context(), &pb.Message{Number: 3}, grpc.Trailer(&trailer))
	var got []int64
	for err == nil {
		var m *pb.Message
		if m, err = down.Recv(); err == nil {
			got = append(got, m.GetNumber())
		}
	}
	if fmt.Sprint(got) != "[0 1 2]" || status.Code(err) != codes.Aborted || len(trailer["below"]) != 1 {
		t.Errorf("got %v, then %v, %v", got, err, trailer)
	}
	up, err := client.Upload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := up.Send(&pb.Message{}); err != nil {
			t.Error(err)
		}
	}
	if m, err := up.CloseAndRecv(); m.GetNumber() != 3 {
		t.Errorf("%v, %v", m, err)
	}
}

func TestHTTP1RefusesStreamsInBothDirections(t *testing.T) {
	t.Parallel()
	client := pb.NewExerciseClient(dialURL(t, "http://127.0.0.1:1?http=1"))
	s, err := client.Chat(t.Context())
	if err == nil {
		_, err = s.Recv()
	}
	if status.Code(err) != codes.Unimplemented || link.Ran(err) != link.NeverSent {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
}
