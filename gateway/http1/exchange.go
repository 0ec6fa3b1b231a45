package http1

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"sync"
	"time"
)

// exchange is a request and its answer.
type exchange struct {
	conn    *conn
	request *http.Request

	written chan error // how the body was written; nil: there is none

	mu       sync.Mutex  // guards what follows
	sent     time.Time   // zero: it has not been sent to its end
	answered bool        // the header of the answer has come
	unwatch  func() bool // nil: nobody has to notice yet that the request's context ends
}

// soon is how long an answer may take before somebody has to notice that the request's context
// ends: for an answer that is there before, telling and untelling would be a good part of the work.
const soon = 10 * time.Millisecond

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

// do sends the request and reads the header of its answer. When it fails, the connection is
// closed.
func (e *exchange) do() (*http.Response, error) {
	e.conn.ask(e)
	response, err := e.header()
	if err == nil {
		err = e.body(response)
	}
	if err != nil {
		_ = e.conn.Close()
		e.release()
		return nil, e.why(err)
	}
	return response, nil
}

// watch lets the end of the request's context close the connection from now on.
func (e *exchange) watch() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.watchLocked()
}

func (e *exchange) watchLocked() {
	if e.unwatch == nil {
		e.unwatch = context.AfterFunc(e.request.Context(), func() { _ = e.conn.Close() })
	}
}

// release lets no end of the request's context close the connection any more; false: one has.
func (e *exchange) release() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.unwatch == nil {
		return e.request.Context().Err() == nil
	}
	return e.unwatch()
}

// header sends the request and reads until there is an answer that is the last.
func (e *exchange) header() (*http.Response, error) {
	if hasBody(e.request) {
		e.lasts()
		e.written = make(chan error, 1)
		go e.writeWithBody() // the server may answer before it has read all
	} else if err := e.write(); err != nil {
		return nil, err
	}
	for {
		response, err := http.ReadResponse(e.conn.reader, e.request)
		switch {
		case err != nil && e.conn.left <= 0: // which cut a line short
			return nil, errHeaderSize
		case err != nil && !e.conn.broke(err):
			return nil, malformed(err)
		case err != nil:
			return nil, err
		case response.StatusCode < http.StatusContinue:
			return nil, malformed(fmt.Errorf("the status %q", response.Status))
		}
		if response.StatusCode >= http.StatusOK || response.StatusCode == http.StatusSwitchingProtocols {
			return response, e.headerEnds()
		}
		trace := httptrace.ContextClientTrace(e.request.Context())
		if trace == nil || trace.Got1xxResponse == nil {
			continue
		}
		if err := trace.Got1xxResponse(response.StatusCode, textproto.MIMEHeader(response.Header)); err != nil {
			return nil, err
		}
	}
}

// write sends the request. From then on its answer has its time.
func (e *exchange) write() error {
	c := e.conn
	if err := e.request.Write(c.writer); err != nil {
		return err
	}
	if err := c.writer.Flush(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sent = time.Now()
	return e.setTime()
}

func (e *exchange) headerEnds() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answered = true
	e.conn.left = math.MaxInt64 // it is the header that is bounded
	if e.unwatch == nil {
		return nil // the answer still has to be there soon
	}
	return e.setTime()
}

// setTime sets when a read fails: never, but for the header. Its caller holds mu.
func (e *exchange) setTime() error {
	var end time.Time
	limit := e.conn.transport.HeaderTime
	if limit > 0 && !e.answered && !e.sent.IsZero() {
		end = e.sent.Add(limit)
	}
	if e.unwatch == nil && (limit <= 0 || limit > soon) {
		end = e.sent.Add(soon)
	}
	return e.conn.SetReadDeadline(end)
}

// lasts is for an answer that may take longer than soon. It is false if that is known already, so
// that a read that has failed by then has failed for good.
func (e *exchange) lasts() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.unwatch != nil {
		return false
	}
	e.watchLocked()
	return e.setTime() == nil
}

// writeWithBody sends the request. If it is the body that fails, so does the request; if it
// is the connection, the server may have answered all the same.
func (e *exchange) writeWithBody() {
	err := e.write()
	e.written <- err
	if op := new(net.OpError); err != nil && (!errors.As(err, &op) || op.Op != "write") {
		_ = e.conn.Close()
	}
}

// why is what made an exchange fail.
func (e *exchange) why(err error) error {
	if ctx := e.request.Context(); ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case failure := <-e.written:
		if failure != nil && !errors.Is(failure, net.ErrClosed) { // it was closed for err
			return failure
		}
	default:
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return timeout{}
	}
	return err
}
