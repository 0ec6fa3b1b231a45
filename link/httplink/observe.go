package httplink

import (
	"context"
	"net/http"
)

// observer is the HTTP client that connect-go is given. It shows what connect-go
// does not: the headers of a failed unary call apart from its trailers, and that
// a stream's request has failed. And it frees streams that are abandoned.
type observer struct{ *http.Client }

type (
	responseKey struct{}
	failureKey  struct{}
)

func withResponse(ctx context.Context, to *http.Response) context.Context {
	return context.WithValue(ctx, responseKey{}, to)
}

func withFailure(ctx context.Context, failed chan struct{}) context.Context {
	return context.WithValue(ctx, failureKey{}, failed)
}

func (o observer) Do(r *http.Request) (*http.Response, error) {
	failed, streams := r.Context().Value(failureKey{}).(chan struct{})
	if streams {
		// net/http reads a stream's messages from a pipe, and looks at nothing else
		// while there is none: not even at the context.
		context.AfterFunc(r.Context(), func() { _ = r.Body.Close() })
	}
	response, err := o.Client.Do(r)
	if to, ok := r.Context().Value(responseKey{}).(*http.Response); ok && err == nil {
		to.StatusCode, to.Header = response.StatusCode, response.Header
	}
	switch {
	case streams && err != nil:
		close(failed)
	case streams:
		// connect-go takes every stream for one in both directions, and refuses its
		// answer by HTTP/1.1. openStream has refused those that are.
		response.ProtoMajor, response.ProtoMinor = 2, 0
	}
	return response, err
}
