package http1

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// body is that of an answer. When it has been read to its end, the connection can be used
// again; when it is closed before, the connection is.
type body struct {
	io.Reader
	exchange *exchange
	reusable bool
	over     atomic.Bool
}

var errUpgrade = fmt.Errorf("%w: the server changes to a protocol that it was not asked for", ErrMalformed)

// body gives an answer the body that ends the exchange.
func (e *exchange) body(response *http.Response) error {
	if response.StatusCode == http.StatusSwitchingProtocols {
		if e.request.Header.Get("Upgrade") == "" {
			return errUpgrade
		}
		if !e.release() {
			return e.request.Context().Err()
		}
		response.Body = &upgraded{e.conn}
		return e.conn.SetReadDeadline(time.Time{})
	}
	b := &body{Reader: response.Body, exchange: e, reusable: !response.Close && !e.request.Close}
	if response.Body == http.NoBody {
		b.end(true)
		return nil
	}
	response.Body = b
	return nil
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	switch {
	case err == io.EOF: //nolint:errorlint // a reader's end is never wrapped
		b.end(true)
	case err != nil:
		b.end(false)
		if !b.exchange.conn.broke(err) {
			err = malformed(err)
		}
		err = b.exchange.why(err)
	}
	return n, err
}

// Close ends a Read that waits. It may be called at any time.
func (b *body) Close() error {
	b.end(false)
	return nil
}

// end gives the connection back, if the answer and nothing else has been read from it.
func (b *body) end(whole bool) {
	if !b.over.CompareAndSwap(false, true) {
		return
	}
	e := b.exchange
	kept := whole && b.reusable && e.conn.reader.Buffered() == 0 && e.whole()
	if e.release() && kept {
		e.conn.transport.put(e.conn)
		return
	}
	_ = e.conn.Close()
}

// writeTime is for who has answered to be seen to have read the request.
const writeTime = 50 * time.Millisecond

// whole tells whether the request has been sent to its end.
func (e *exchange) whole() bool {
	if e.written == nil {
		return true
	}
	timer := time.NewTimer(writeTime)
	defer timer.Stop()
	select {
	case err := <-e.written:
		return err == nil
	case <-timer.C:
		return false
	}
}

// upgraded is a connection that speaks another protocol now.
type upgraded struct{ conn *conn }

var _ io.ReadWriteCloser = (*upgraded)(nil)

func (u *upgraded) Read(p []byte) (int, error)  { return u.conn.reader.Read(p) }
func (u *upgraded) Write(p []byte) (int, error) { return u.conn.Conn.Write(p) }
func (u *upgraded) Close() error                { return u.conn.Close() }
