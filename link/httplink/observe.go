package httplink

import (
	"context"
	"net/http"
)

// observer is the HTTP client that connect-go is given. It shows what connect-go
// does not: the headers of a failed unary call apart from its trailers, and that
// a stream's request has failed.
type observer struct{ *http.Client }

type (
	responseKey struct{}
	failureKey  struct{}
)

func withResponse(ctx context.Context, to *http.Header) context.Context {
	return context.WithValue(ctx, responseKey{}, to)
}

func withFailure(ctx context.Context, failed chan struct{}) context.Context {
	return context.WithValue(ctx, failureKey{}, failed)
}

func (o observer) Do(r *http.Request) (*http.Response, error) {
	response, err := o.Client.Do(r)
	if to, ok := r.Context().Value(responseKey{}).(*http.Header); ok && err == nil {
		*to = response.Header
	}
	if failed, ok := r.Context().Value(failureKey{}).(chan struct{}); ok && err != nil {
		close(failed)
	}
	return response, err
}
