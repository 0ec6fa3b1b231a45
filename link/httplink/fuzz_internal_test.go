package httplink

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/kerf-go/kerf/link"
)

// headers reads what a peer may send as headers.
func headers(text string) (http.Header, error) {
	h, err := textproto.NewReader(bufio.NewReader(strings.NewReader(text + "\r\n\r\n"))).ReadMIMEHeader()
	return http.Header(h), err
}

// FuzzMetadata reads any headers: their metadata is written so that it is read again
// as it was, before the messages and after them.
func FuzzMetadata(f *testing.F) {
	f.Add("Key: 1\r\nKey: 2\r\nSome-Bin: AP8", "Key: 3")
	f.Add("Content-Type: x\r\nKerf-Md-Content-Type: y\r\nKerf-Caller: z", "Kerf-Md-Trailer-X: 1\r\nTrailer-X: 2")
	f.Add("Kerf-Md-Kerf-Md-X: 1\r\nX-Bin: AA==\r\nX-Bin: ?", "Kerf-Md-: 1\r\nGrpc-Status: 0")
	f.Add("Kerf-Md-X: 1\r\nX: 1", "")
	f.Fuzz(func(t *testing.T, before, after string) {
		above, err := headers(before)
		if err != nil {
			return
		}
		below, err := headers(after)
		if err != nil {
			return
		}
		header, trailer := readMetadata(above), readMetadata(below)
		written, writtenBelow := make(http.Header), make(http.Header)
		addMetadata(written, header)
		addMetadata(writtenBelow, trailer)
		for name, values := range writtenBelow { // as connect-go writes them
			written[trailerPrefix+name] = values
		}
		gotHeader, gotTrailer := splitTrailer(written)
		if !sameMetadata(gotHeader, header) || !sameMetadata(gotTrailer, trailer) {
			t.Fatalf("%q and %q\nare read as %q and %q", header, trailer, gotHeader, gotTrailer)
		}
	})
}

func sameMetadata(a, b metadata.MD) bool { return maps.EqualFunc(a, b, slices.Equal) }

// answers is an HTTP client whose server is a function.
type answers func(http.ResponseWriter, *http.Request)

func (a answers) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	a(w, r)
	return w.Result(), nil
}

// failure is what a call is told that a server answers so.
func failure(t *testing.T, answer answers) error {
	t.Helper()
	client := connect.NewClient[raw, raw](answer, "http://x/a/b", connect.WithCodec(rawCodec{protoName}))
	_, err := client.CallUnary(t.Context(), connect.NewRequest(&raw{}))
	if err == nil {
		return nil
	}
	err = fromConnect(t.Context(), err, true)
	if status.Code(err) == codes.OK {
		t.Fatalf("a failure is told as %v", err)
	}
	return err
}

// FuzzStatus sends any status of a failure: it arrives as it was.
func FuzzStatus(f *testing.F) {
	f.Add(int32(codes.Aborted), "ü\r\n", []byte("x"))
	f.Add(int32(77), "", []byte{})
	f.Add(int32(math.MaxInt32), "\xff", []byte{0})
	f.Fuzz(func(t *testing.T, code int32, message string, detail []byte) {
		if code <= 0 {
			return
		}
		want := &spb.Status{Code: code, Message: string([]rune(message))} // as every link sends it
		if len(detail) > 0 {
			const known = "type.googleapis.com/"
			want.Details = []*anypb.Any{{TypeUrl: known + "a.B", Value: detail}, {TypeUrl: known + "C"}}
		}
		err := failure(t, func(w http.ResponseWriter, r *http.Request) {
			_ = connect.NewErrorWriter().Write(w, r, toConnect(status.FromProto(want)))
		})
		if got := status.Convert(err).Proto(); !proto.Equal(got, want) || link.Ran(err) != link.Answered {
			t.Fatalf("%v arrives as %v, %v", want, got, link.Ran(err))
		}
	})
}

// FuzzAnswer takes any answer of a server: what says that it is a failure is one.
func FuzzAnswer(f *testing.F) {
	f.Add(uint16(http.StatusConflict), "5", "application/json", []byte(`{"code": "aborted", "message": "no"}`))
	f.Add(uint16(http.StatusConflict), "0", "application/json", []byte(`{"code": "code_0"}`))
	f.Add(uint16(http.StatusConflict), "x", "application/json", []byte(`{"code": "code_4294967295", "details": [{}]}`))
	f.Add(uint16(http.StatusOK), "", "application/proto", []byte("x"))
	f.Add(uint16(http.StatusOK), "", "text/html", []byte("<html>"))
	f.Add(uint16(http.StatusBadGateway), "99999999999", "text/html", []byte("<html>"))
	f.Fuzz(func(t *testing.T, code uint16, kerfCode, contentType string, body []byte) {
		if code < http.StatusOK || code > 999 {
			return // net/http lets no others pass
		}
		err := failure(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set(codeHeader, kerfCode)
			w.WriteHeader(int(code))
			_, _ = io.Copy(w, bytes.NewReader(body))
		})
		if good := code == http.StatusOK && contentType == "application/proto"; good != (err == nil) {
			t.Fatalf("%d with %q: %v", code, contentType, err)
		}
	})
}
