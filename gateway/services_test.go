package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	library "github.com/kerf-go/kerf/internal/library/v1"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/inproc"
	exercise "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/transcode"
)

// byName gives each service the last part of its name, in lower case.
func byName(services []transcode.Service) map[string][]transcode.Service {
	all := make(map[string][]transcode.Service)
	for _, s := range services {
		all[strings.ToLower(string(s.Desc.Name()))] = []transcode.Service{s}
	}
	return all
}

// serve runs a service in this process.
func serve(t *testing.T, file protoreflect.FileDescriptor, desc *grpc.ServiceDesc, impl any) transcode.Service {
	t.Helper()
	at := &url.URL{Scheme: "inproc", Host: strings.ReplaceAll(t.Name(), "/", ".") + "." + desc.ServiceName}
	server, err := inproc.Link{}.Listen(t.Context(), at, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	server.RegisterService(desc, impl)
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	conn, err := inproc.Link{}.Dial(at, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(conn.Close(), server.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	name := protoreflect.FullName(desc.ServiceName).Name()
	return transcode.Service{Desc: file.Services().ByName(name), Conn: conn}
}

// exercised answers with what it was asked, in each kind of call.
type exercised struct {
	exercise.UnimplementedExerciseServer
}

func newExercise(t *testing.T) transcode.Service {
	t.Helper()
	return serve(t, exercise.File_link_linktest_v1_linktest_proto, &exercise.Exercise_ServiceDesc, exercised{})
}

// tellHeaders sends what it knows of the caller back, as header and trailer.
func tellHeaders(ctx context.Context) {
	md, _ := metadata.FromIncomingContext(ctx)
	_ = grpc.SetHeader(ctx, metadata.Pairs("reader", strings.Join(md.Get("reader"), "+"), "mark-bin", "\xff\x00",
		"forged", strings.Join(md.Get("kerf-caller"), "+")))
	_ = grpc.SetTrailer(ctx, metadata.Pairs("shelf", "3"))
}

func (exercised) Unary(ctx context.Context, m *exercise.Message) (*exercise.Message, error) {
	tellHeaders(ctx)
	switch m.GetText() {
	case "fail":
		return nil, failure()
	case "wait":
		if _, bounded := ctx.Deadline(); !bounded {
			return nil, status.Error(codes.Internal, "there is no deadline")
		}
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	return m, nil
}

func failure() error {
	full := status.New(codes.FailedPrecondition, "the shelf is full")
	s, err := full.WithDetails(&errdetails.ErrorInfo{Reason: "FULL"})
	if err != nil {
		return err
	}
	return s.Err()
}

func (exercised) Upload(s grpc.ClientStreamingServer[exercise.Message, exercise.Message]) error {
	tellHeaders(s.Context())
	all := new(exercise.Message)
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return s.SendAndClose(all)
		}
		if err != nil {
			return err
		}
		all.Tags = append(all.Tags, m.GetText())
		all.Number += int64(len(m.GetPayload()))
	}
}

func (exercised) Download(m *exercise.Message, s grpc.ServerStreamingServer[exercise.Message]) error {
	tellHeaders(s.Context())
	for n := range m.GetNumber() {
		if err := s.Send(&exercise.Message{Number: n}); err != nil {
			return err
		}
	}
	switch m.GetText() {
	case "fail":
		return failure()
	case "wait":
		<-s.Context().Done()
	}
	return nil
}

func (exercised) Chat(s grpc.BidiStreamingServer[exercise.Message, exercise.Message]) error {
	tellHeaders(s.Context())
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(m); err != nil {
			return err
		}
	}
}

// books is a library of one shelf. Book 2 has a cover, and book 9 is not there.
type books struct {
	library.UnimplementedLibraryServer
}

func newLibrary(t *testing.T) transcode.Service {
	t.Helper()
	return serve(t, library.File_internal_library_v1_library_proto, &library.Library_ServiceDesc, books{})
}

func (books) GetBook(ctx context.Context, r *library.GetBookRequest) (*library.Book, error) {
	switch r.GetName() {
	case "9":
		return nil, status.Error(codes.NotFound, "there is no such book")
	case "never":
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	md, _ := metadata.FromIncomingContext(ctx)
	return &library.Book{Name: r.GetName(), Title: "About " + r.GetName(), Authors: md.Get("authorization")}, nil
}

func (books) ListBooks(_ context.Context, r *library.ListBooksRequest) (*library.ListBooksResponse, error) {
	return &library.ListBooksResponse{NextPageToken: r.GetParent() + "?" + r.GetPageToken()}, nil
}

func (books) CreateBook(_ context.Context, r *library.CreateBookRequest) (*library.Book, error) {
	r.GetBook().Name = r.GetParent() + "/books/8"
	return r.GetBook(), nil
}

// WatchBooks ends after a page, or else never.
func (books) WatchBooks(r *library.ListBooksRequest, s grpc.ServerStreamingServer[library.Book]) error {
	for n := range r.GetPageSize() {
		if err := s.Send(&library.Book{Name: strconv.Itoa(int(n) + 1)}); err != nil {
			return err
		}
	}
	if r.GetPageSize() > 0 {
		return nil
	}
	if err := s.Send(new(library.Book)); err != nil {
		return err
	}
	<-s.Context().Done()
	return nil
}

// unreachable is a conn to nobody.
type unreachable struct{ grpc.ClientConnInterface }

var errUnreachable = link.Mark(
	status.New(codes.Unavailable, "dial tcp 10.0.0.7:40883: connection refused"), link.NeverSent)

func (unreachable) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	return errUnreachable
}

func (unreachable) NewStream(
	context.Context, *grpc.StreamDesc, string, ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return nil, errUnreachable
}

// Where services are is nothing that clients need to know.
func TestAddressesOfServicesAreNotTold(t *testing.T) {
	t.Parallel()
	s := transcode.Service{
		Desc: library.File_internal_library_v1_library_proto.Services().ByName("Library"), Conn: unreachable{},
	}
	b := setup(t, `
routes:
  - {match: {path: /m}, merge: {parts: {a: {call: library, get: /v1/books/7}}}}
  - {call: [library]}
`, nil, s)
	for _, path := range []string{"/v1/books/7", "/m"} {
		got := b.do(t, "GET "+path)
		if got.StatusCode != http.StatusServiceUnavailable || strings.Contains(got.body, "10.0.0.7") ||
			!strings.Contains(got.body, "cannot be reached") {
			t.Error(path, got.Status, got.body)
		}
	}
}
