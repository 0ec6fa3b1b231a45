// Package httpattempt makes HTTP requests whose answers outlive the attempt that got them.
package httpattempt

import (
	"context"
	"io"
	"net/http"
)

// RoundTrip makes a request that ends with ctx, which is made of the request's own context, until
// it is answered. The body of the answer ends with the request's own.
func RoundTrip(
	ctx context.Context, r *http.Request, send func(*http.Request) (*http.Response, error),
) (*http.Response, error) {
	whole := r.Context()
	if whole == ctx {
		return send(r)
	}
	own, cancel := context.WithCancel(whole)
	detach := context.AfterFunc(ctx, cancel)
	response, err := send(r.WithContext(own))
	if !detach() && err == nil { // it has ended at the last moment
		_ = response.Body.Close()
		response, err = nil, ctx.Err()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	response.Body = withCancel(response.Body, cancel)
	return response, nil
}

// withCancel gives a body that calls cancel once it has ended or is closed.
func withCancel(body io.ReadCloser, cancel func()) io.ReadCloser {
	if body == http.NoBody {
		cancel()
		return body
	}
	if both, ok := body.(io.ReadWriteCloser); ok { // a connection that was upgraded
		return &upgraded{both, cancel}
	}
	return &responseBody{body, cancel}
}

type responseBody struct {
	io.ReadCloser
	cancel func()
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.cancel()
	}
	return n, err
}

func (b *responseBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

type upgraded struct {
	io.ReadWriteCloser
	cancel func()
}

func (u *upgraded) Close() error {
	defer u.cancel()
	return u.ReadWriteCloser.Close()
}
