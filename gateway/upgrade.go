package gateway

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
)

// upgrade hands a request on that asks for another protocol.
func (p *proxy) upgrade(w http.ResponseWriter, r *http.Request) {
	out := &handshake{ResponseWriter: w}
	(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { p.rewrite(r.In, r.Out) },
		Transport: p, BufferPool: &buffers, ErrorHandler: failed, ErrorLog: discardLog,
		ModifyResponse: func(answer *http.Response) error {
			out.answer = answer.Header
			return nil
		},
	}).ServeHTTP(out, r)
}

// handshake lets status 101 go the way of all answers, past what changes and notes them.
// httputil.ReverseProxy would write it to the connection by itself.
type handshake struct {
	http.ResponseWriter
	answer http.Header // the upstream's
}

// Unwrap lets http.ResponseController flush.
func (h *handshake) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// Hijack answers, and gives the connection as it is then.
func (h *handshake) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	header := h.Header()
	connection, protocol := h.answer["Connection"], h.answer["Upgrade"]
	addHeaders(header, h.answer)
	header["Connection"], header["Upgrade"] = connection, protocol
	h.WriteHeader(http.StatusSwitchingProtocols)
	conn, buffered, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return conn, bufio.NewReadWriter(buffered.Reader, bufio.NewWriter(io.Discard)), nil // the answer has left
}

// discardLog is for what ReverseProxy would log: failed has it already.
var discardLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
