package web

import (
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// problem is what a visitor is told instead of a page.
type problem struct {
	status int
	detail string // a sentence; empty means the usual one of the status
	cause  error
}

var (
	// errNobody asks to log in.
	errNobody = errors.New("nobody is logged in")

	errNoPage  = &problem{status: http.StatusNotFound}
	errForeign = &problem{
		status: http.StatusForbidden,
		detail: "This form was sent from another site, so nothing was done.",
	}
	errToken = &problem{
		status: http.StatusForbidden,
		detail: "This form is too old, or not yours, so nothing was done. Go back, reload the page, and try again.",
	}
	errUTF8 = &problem{
		status: http.StatusBadRequest,
		detail: "What you sent is not valid UTF-8 text, so nothing was done.",
	}
	errIncomplete = &problem{
		status: http.StatusBadRequest,
		detail: "A part of the form is missing, so nothing was done. Reload the page and try again.",
	}
	errTooBig = &problem{
		status: http.StatusRequestEntityTooLarge,
		detail: "What you sent is far too large, so nothing was done.",
	}
)

func (p *problem) Error() string {
	if p.cause != nil {
		return p.cause.Error()
	}
	return strings.TrimSpace(http.StatusText(p.status) + " " + p.detail)
}

func (p *problem) Unwrap() error { return p.cause }

// Status is the HTTP status, for the page.
func (p *problem) Status() int { return p.status }

// Detail is the sentence that the page shows.
func (p *problem) Detail() string {
	if p.detail != "" {
		return p.detail
	}
	switch p.status {
	case http.StatusNotFound:
		return "There is nothing at this address. It may have moved, or never have been."
	case http.StatusServiceUnavailable:
		return "A part of this site is not available right now. Please try again in a moment."
	case http.StatusGatewayTimeout:
		return "A part of this site did not answer in time. Please try again in a moment."
	}
	return "Something went wrong here; it is not your fault. Please try again in a moment."
}

func (p *problem) heading() string {
	switch p.status {
	case http.StatusNotFound:
		return "Not found"
	case http.StatusForbidden:
		return "Not done"
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "Not available right now"
	case http.StatusRequestEntityTooLarge:
		return "Too large"
	case http.StatusTooManyRequests:
		return "Too much at once"
	}
	if p.status < http.StatusInternalServerError {
		return "That did not work"
	}
	return "Something went wrong"
}

// statusOf is the one table from gRPC codes to HTTP. Where told is true, the
// message that came with the code is written for people.
func statusOf(code codes.Code) (httpStatus int, told bool) {
	switch code {
	case codes.InvalidArgument, codes.OutOfRange:
		return http.StatusBadRequest, true
	case codes.Unauthenticated:
		return http.StatusUnauthorized, true
	case codes.PermissionDenied:
		return http.StatusForbidden, true
	case codes.NotFound:
		return http.StatusNotFound, true
	case codes.AlreadyExists:
		return http.StatusConflict, true
	case codes.Aborted:
		return http.StatusConflict, false
	case codes.FailedPrecondition:
		return http.StatusUnprocessableEntity, true
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests, true
	case codes.Unavailable, codes.Canceled, codes.Unimplemented: // an older service is soon newer
		return http.StatusServiceUnavailable, false
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout, false
	case codes.OK, codes.Unknown, codes.Internal, codes.DataLoss:
	}
	return http.StatusInternalServerError, false
}

// problemOf finds out what to tell about any error.
func problemOf(err error) *problem {
	if ours, ok := errors.AsType[*problem](err); ok {
		return ours
	}
	answer := status.Convert(err)
	httpStatus, told := statusOf(answer.Code())
	p := &problem{status: httpStatus, cause: err}
	if told {
		p.detail = sentence(answer.Message())
	}
	return p
}

// sentence makes one of an error's message.
func sentence(message string) string {
	first, size := utf8.DecodeRuneInString(message)
	if size == 0 {
		return ""
	}
	message = string(unicode.ToUpper(first)) + message[size:]
	if strings.ContainsRune(".!?", rune(message[len(message)-1])) {
		return message
	}
	return message + "."
}
