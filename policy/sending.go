package policy

import (
	"io"
	"net/http"
	"sync/atomic"
)

// sending is the body of a request, which knows whether it is what failed.
type sending struct {
	io.ReadCloser
	failed, closed atomic.Bool
}

// watched gives a request whose body, if it has one, is watched.
func watched(r *http.Request) (*http.Request, *sending) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, nil
	}
	s := &sending{ReadCloser: r.Body}
	r = r.WithContext(r.Context()) // the request itself stays as it is
	r.Body = s
	return r, s
}

// Read implements io.Reader.
func (s *sending) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil && err != io.EOF && !s.closed.Load() {
		s.failed.Store(true)
	}
	return n, err
}

// Close implements io.Closer. What is read after it fails because of that.
func (s *sending) Close() error {
	s.closed.Store(true)
	return s.ReadCloser.Close()
}

// hasFailed tells whether the body could not be read; a nil one has not.
func (s *sending) hasFailed() bool { return s != nil && s.failed.Load() }
