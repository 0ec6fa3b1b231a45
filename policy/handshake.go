package policy

import (
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// handshake knows whether TLS has kept a request from having a connection, and so from leaving.
type handshake struct{ failed, connected atomic.Bool }

// watched gives a request whose handshake, if it has one, is watched.
func (h *handshake) watched(r *http.Request) *http.Request {
	if r.URL.Scheme != "https" {
		return r
	}
	return r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { h.connected.Store(true) }, // another's, if its own has failed
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				h.failed.Store(true)
			}
		},
	}))
}

func (h *handshake) hasFailed() bool { return h.failed.Load() && !h.connected.Load() }
