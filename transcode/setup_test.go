package transcode_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kerf-go/kerf/internal/library/v1"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/inproc"
	"github.com/kerf-go/kerf/transcode"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// library answers with what it was asked, so that a test sees what was bound.
type library struct {
	pb.UnimplementedLibraryServer
}

func (library) GetBook(ctx context.Context, r *pb.GetBookRequest) (*pb.Book, error) {
	switch r.GetName() {
	case "missing":
		return nil, status.Error(codes.NotFound, "there is no such book")
	case "busy":
		s, err := status.New(codes.ResourceExhausted, "too many readers").WithDetails(
			&errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)})
		if err != nil {
			return nil, err
		}
		return nil, s.Err()
	case "headers":
		md, _ := metadata.FromIncomingContext(ctx)
		_ = grpc.SetHeader(ctx, metadata.Pairs("shelf", strings.Join(md.Get("reader"), "+"), "mark-bin", "\xff\x00"))
		return &pb.Book{Title: strings.Join(md.Get("secret-bin"), ",")}, nil
	}
	return &pb.Book{Name: r.GetName(), Title: "about " + r.GetName()}, nil
}

func (library) CreateBook(_ context.Context, r *pb.CreateBookRequest) (*pb.Book, error) {
	book := proto.CloneOf(r.GetBook())
	if book == nil {
		book = new(pb.Book)
	}
	book.Name = r.GetParent() + "/books/1"
	if r.GetRequestId() != "" {
		book.Authors = append(book.Authors, r.GetRequestId())
	}
	return book, nil
}

func (library) UpdateBook(_ context.Context, r *pb.UpdateBookRequest) (*pb.Book, error) {
	book := proto.CloneOf(r.GetBook())
	book.Authors = r.GetUpdateMask().GetPaths()
	return book, nil
}

func (library) PutBook(_ context.Context, r *pb.Book) (*pb.Book, error) { return r, nil }

func (library) DeleteBook(context.Context, *pb.GetBookRequest) (*emptypb.Empty, error) {
	return new(emptypb.Empty), nil
}

func (library) LendBook(_ context.Context, r *pb.GetBookRequest) (*pb.Book, error) {
	return &pb.Book{Name: r.GetName(), Title: "lent"}, nil
}

func (library) ListBooks(_ context.Context, r *pb.ListBooksRequest) (*pb.ListBooksResponse, error) {
	all := new(pb.ListBooksResponse)
	for range r.GetPageSize() {
		all.Books = append(all.Books, &pb.Book{Name: r.GetParent()})
	}
	all.NextPageToken = r.GetPageToken()
	return all, nil
}

func (library) AddTags(_ context.Context, r *pb.TagsRequest) (*pb.TagsRequest, error) { return r, nil }

func (library) Echo(_ context.Context, r *pb.Everything) (*pb.Everything, error) { return r, nil }

func (library) Download(_ context.Context, r *pb.GetBookRequest) (*httpbody.HttpBody, error) {
	return &httpbody.HttpBody{ContentType: "text/plain; charset=utf-8", Data: []byte("all of " + r.GetName())}, nil
}

func (library) Upload(_ context.Context, r *pb.UploadRequest) (*httpbody.HttpBody, error) {
	return r.GetFile(), nil
}

func (library) WatchBooks(r *pb.ListBooksRequest, s grpc.ServerStreamingServer[pb.Book]) error {
	for range r.GetPageSize() {
		if err := s.Send(&pb.Book{Name: r.GetParent()}); err != nil {
			return err
		}
	}
	switch {
	case r.GetFail():
		return status.Error(codes.Aborted, "the shelf fell")
	case r.GetPageToken() == "wait":
		<-s.Context().Done()
	}
	return nil
}

func (library) DownloadPieces(r *pb.GetBookRequest, s grpc.ServerStreamingServer[httpbody.HttpBody]) error {
	for _, piece := range []string{"one ", "two"} {
		if err := s.Send(&httpbody.HttpBody{ContentType: "text/plain", Data: []byte(piece)}); err != nil {
			return err
		}
	}
	if r.GetName() == "torn" {
		return status.Error(codes.DataLoss, "a page is torn")
	}
	return nil
}

func (library) Plain(_ context.Context, r *pb.GetBookRequest) (*pb.Book, error) {
	return &pb.Book{Name: r.GetName(), Title: "plain"}, nil
}

// setup serves a library in this process, and plain HTTP before it.
func setup(t *testing.T, o transcode.Options) *httptest.Server {
	t.Helper()
	at, err := url.Parse("inproc://" + strings.ReplaceAll(t.Name(), "/", "."))
	if err != nil {
		t.Fatal(err)
	}
	server, err := inproc.Link{}.Listen(t.Context(), at, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pb.RegisterLibraryServer(server, library{})
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	conn, err := inproc.Link{}.Dial(at, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := transcode.New([]transcode.Service{{
		Desc: pb.File_internal_library_v1_library_proto.Services().ByName("Library"), Conn: conn,
	}}, o)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(h)
	t.Cleanup(func() {
		front.Close()
		_ = conn.Close()
		_ = server.Close()
		<-served
	})
	return front
}

// answer is a response with all of its body.
type answer struct {
	*http.Response
	body string
}

func (a answer) header(name string) string { return a.Header.Get(name) }

// do makes a request with headers given as "Name: value".
func do(t *testing.T, front *httptest.Server, method, path, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, front.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = path // as it is
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	response, err := front.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	whole, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response, string(whole)}
}

// compact takes protojson's spaces out: it puts them where it likes.
func compact(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(text)); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return out.String()
}

// exchange is a request, and what its answer has.
type exchange struct {
	method, path, body string
	code               int
	want               string
}

// readCases reads a file of exchanges: a line with a name, the request's line, its
// body after "> " if there is one, and the answer's status with what it says.
func readCases(t *testing.T, path string) map[string]exchange {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cases := make(map[string]exchange)
	for text := range strings.SplitSeq(strings.TrimSpace(string(file)), "\n\n") {
		var e exchange
		lines := strings.Split(text, "\n")
		name := strings.TrimPrefix(lines[0], "# ")
		if _, twice := cases[name]; twice || len(lines) < 3 || name == lines[0] {
			t.Fatalf("%s: these lines are no case: %q", path, lines)
		}
		e.method, e.path, _ = strings.Cut(lines[1], " ")
		e.body = strings.TrimPrefix(strings.Join(lines[2:len(lines)-1], ""), "> ")
		code, want, _ := strings.Cut(lines[len(lines)-1], " ")
		if e.code, err = strconv.Atoi(code); err != nil {
			t.Fatalf("%s: %s: %v", path, name, err)
		}
		e.want = want
		cases[name] = e
	}
	return cases
}
