package transcode

import (
	"bytes"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/kerf-go/kerf/link"
)

// httpCodes are the HTTP statuses of gRPC codes, as google/rpc/code.proto has them;
// Canceled has none of the standard's.
var httpCodes = [...]int{
	codes.OK:                 http.StatusOK,
	codes.Canceled:           statusClientClosed,
	codes.Unknown:            http.StatusInternalServerError,
	codes.InvalidArgument:    http.StatusBadRequest,
	codes.DeadlineExceeded:   http.StatusGatewayTimeout,
	codes.NotFound:           http.StatusNotFound,
	codes.AlreadyExists:      http.StatusConflict,
	codes.PermissionDenied:   http.StatusForbidden,
	codes.ResourceExhausted:  http.StatusTooManyRequests,
	codes.FailedPrecondition: http.StatusBadRequest,
	codes.Aborted:            http.StatusConflict,
	codes.OutOfRange:         http.StatusBadRequest,
	codes.Unimplemented:      http.StatusNotImplemented,
	codes.Internal:           http.StatusInternalServerError,
	codes.Unavailable:        http.StatusServiceUnavailable,
	codes.DataLoss:           http.StatusInternalServerError,
	codes.Unauthenticated:    http.StatusUnauthorized,
}

const statusClientClosed = 499 // nginx's

// HTTPStatus is the HTTP status of a gRPC code.
func HTTPStatus(c codes.Code) int {
	if int(c) < len(httpCodes) {
		return httpCodes[c]
	}
	return http.StatusInternalServerError
}

// refusal is an error of a request that is answered with more than its code tells.
type refusal struct {
	*status.Status
	http   int // 0: as the code has it
	header http.Header
}

func (r *refusal) Error() string { return r.Message() }

// GRPCStatus lets package status read it.
func (r *refusal) GRPCStatus() *status.Status { return r.Status }

// Refusal is an error that WriteError answers with another HTTP status than its code has,
// such as 413.
func Refusal(s *status.Status, http int) error { return &refusal{Status: s, http: http} }

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// WriteError answers a request with the status of an error: as google.rpc.Status in
// JSON, or as problem details (RFC 9457) if that is what the client accepts. An
// error that says when to try again (google.rpc.RetryInfo) gets a Retry-After header.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	s := status.Convert(err)
	code := HTTPStatus(s.Code())
	if re, ok := err.(*refusal); ok { //nolint:errorlint // it is made here and never wrapped
		if re.http != 0 {
			code = re.http
		}
		maps.Copy(w.Header(), re.header)
	}
	if after := retryAfter(s); after != "" {
		w.Header().Set("Retry-After", after)
	}
	kind, body := "application/json", statusJSON(s)
	if prefers(r, problemType) {
		kind, body = problemType, problem(s, code, body)
	}
	h := w.Header()
	h.Add("Vary", "Accept")
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) //nolint:gosec // it is JSON, and told to be no more
	}
}

// StatusJSON is the status of an error as WriteError gives it: google.rpc.Status in JSON.
func StatusJSON(err error) []byte { return statusJSON(status.Convert(err)) }

// ReadError makes an error of an answer whose HTTP status tells of one: that of
// google.rpc.Status in JSON, or else the code that the HTTP status stands for.
func ReadError(httpStatus int, body []byte) error {
	var s spb.Status
	if protojson.Unmarshal(body, &s) == nil && s.GetCode() != int32(codes.OK) {
		return status.ErrorProto(&s)
	}
	code, ok := grpcCodes[httpStatus]
	switch {
	case ok:
	case httpStatus >= http.StatusInternalServerError:
		code = codes.Unavailable
	default:
		code = codes.Internal
	}
	return status.Errorf(code, "the answer is %d %s", httpStatus, http.StatusText(httpStatus))
}

// grpcCodes are those of HTTP statuses that say what is wrong with a request, the other way
// round than httpCodes.
var grpcCodes = map[int]codes.Code{
	http.StatusBadRequest:      codes.InvalidArgument,
	http.StatusUnauthorized:    codes.Unauthenticated,
	http.StatusForbidden:       codes.PermissionDenied,
	http.StatusNotFound:        codes.NotFound,
	http.StatusConflict:        codes.AlreadyExists,
	http.StatusTooManyRequests: codes.ResourceExhausted,
	statusClientClosed:         codes.Canceled,
	http.StatusNotImplemented:  codes.Unimplemented,
	http.StatusGatewayTimeout:  codes.DeadlineExceeded,
}

// statusJSON is google.rpc.Status in JSON. Details of types that are not known here
// cannot be, and are left out.
func statusJSON(s *status.Status) []byte {
	body, err := protojson.Marshal(s.Proto())
	if err != nil {
		bare := s.Proto()
		bare.Details = nil
		if body, err = protojson.Marshal(bare); err != nil { // a message that is not UTF-8
			bare.Message = strings.ToValidUTF8(bare.GetMessage(), "\uFFFD")
			body, _ = protojson.Marshal(bare)
		}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, body) == nil {
		return compact.Bytes()
	}
	return body
}

const problemType = "application/problem+json"

// problem is RFC 9457's object; code and details are those of google.rpc.Status.
func problem(s *status.Status, code int, plain []byte) []byte {
	var whole struct {
		Details json.RawMessage `json:"details"`
	}
	_ = json.Unmarshal(plain, &whole) // it was made here
	title := http.StatusText(code)
	if title == "" {
		title = s.Code().String()
	}
	b, err := json.Marshal(struct {
		Title   string          `json:"title"`
		Status  int             `json:"status"`
		Detail  string          `json:"detail,omitempty"`
		Code    string          `json:"code"`
		Details json.RawMessage `json:"details,omitempty"`
	}{title, code, s.Message(), s.Code().String(), whole.Details})
	if err != nil {
		return plain
	}
	return b
}

// prefers tells whether a client has named a media type among those it accepts. One
// that takes everything has not.
func prefers(r *http.Request, kind string) bool {
	for _, accept := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(accept, ",") {
			if t, params, err := mime.ParseMediaType(part); err == nil && t == kind && params["q"] != "0" {
				return true
			}
		}
	}
	return false
}

func retryAfter(s *status.Status) string {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok && info.GetRetryDelay() != nil {
			return seconds(info.GetRetryDelay().AsDuration().Milliseconds())
		}
	}
	return ""
}

// RetryAfter gives what a callee's trailer says of the next attempt, in link.PushbackKey, as the value of a
// Retry-After header; "": nothing, or that there should be none.
func RetryAfter(trailer metadata.MD) string {
	values := trailer.Get(link.PushbackKey)
	if len(values) != 1 {
		return ""
	}
	ms, err := strconv.ParseInt(values[0], 10, 32)
	if err != nil || ms < 0 {
		return ""
	}
	return seconds(ms)
}

// writeFailure answers with the error of a call whose trailer may say when to try again.
func writeFailure(w http.ResponseWriter, r *http.Request, err error, trailer metadata.MD) {
	if after := RetryAfter(trailer); after != "" {
		w.Header().Set("Retry-After", after)
	}
	WriteError(w, r, err)
}

// seconds gives whole ones, rounded up.
func seconds(ms int64) string { return strconv.FormatInt(max((ms+999)/1000, 0), 10) } //nolint:mnd // as it says
