package policy

import (
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// handshake knows whether TLS has kept a request from having a connection, and so from leaving.
type handshake struct{ failed, connected atomic.Bool }

// watchHandshake gives a request whose handshake is watched; nil: it needs none.
func watchHandshake(r *http.Request) (*http.Request, *handshake) {
	if r.URL.Scheme != "https" {
		return r, nil
	}
	h := new(handshake)
	return r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { h.connected.Store(true) }, // another's, if its own has failed
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				h.failed.Store(true)
			}
		},
	})), h
}

func (h *handshake) hasFailed() bool { return h != nil && h.failed.Load() && !h.connected.Load() }
