package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/transcode"
)

// holder keeps an answer back until it is whole, so that it can still become another one.
// Answers that are not wanted pass as they come, streams among them.
type holder struct {
	http.ResponseWriter

	wants  func(code int, h http.Header) bool
	most   int         // bytes of a body
	before http.Header // what layers outside have set
	code   int         // 0: no header yet
	holds  bool
	body   bytes.Buffer
	over   bool // the body is too large
	broken bool // the answer has not come whole
}

// hold lets next answer, and then finish, if the answer was kept back. An error of finish
// becomes status 502, and the client sees nothing of the answer.
func hold(
	w http.ResponseWriter, r *http.Request, next http.Handler, most int,
	wants func(code int, h http.Header) bool, finish func(h *holder) error,
) {
	h := &holder{ResponseWriter: w, wants: wants, most: most, before: w.Header().Clone()}
	h.serve(next, r)
	if !h.holds {
		return
	}
	var err error
	switch {
	case h.over:
		err = fmt.Errorf("the answer is larger than %d bytes", most)
	case h.broken:
		err = errors.New("the answer broke off")
	default:
		err = finish(h)
	}
	if err != nil {
		noteError(r, err)
		clear(w.Header())
		maps.Copy(w.Header(), h.before)
		transcode.WriteError(w, r, transcode.Refusal(
			status.New(codes.Internal, "the upstream's answer is not as it should be"), http.StatusBadGateway))
	}
}

// serve ends early if the answer is too large, as nobody waits for the rest, or breaks off.
func (h *holder) serve(next http.Handler, r *http.Request) {
	defer func() {
		p := recover()
		if p != nil && (!h.holds || p != http.ErrAbortHandler) { //nolint:errorlint // that very one
			panic(p) //nolint:forbidigo // another's
		}
		h.broken = p != nil
	}()
	next.ServeHTTP(h, r)
}

// write sends what is held, with another body.
func (h *holder) write(body []byte) error {
	h.ResponseWriter.WriteHeader(h.code)
	_, _ = h.ResponseWriter.Write(body) // the client is gone if this fails
	return nil
}

// Unwrap lets http.ResponseController hijack.
func (h *holder) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// FlushError flushes what passes.
func (h *holder) FlushError() error {
	if h.code == 0 {
		h.WriteHeader(http.StatusOK)
	}
	if h.holds {
		return nil
	}
	return http.NewResponseController(h.ResponseWriter).Flush()
}

func (h *holder) WriteHeader(code int) {
	if h.code != 0 {
		return
	}
	if code >= http.StatusOK || code == http.StatusSwitchingProtocols {
		h.code = code
		h.holds = h.wants(code, h.Header())
	}
	if !h.holds {
		h.ResponseWriter.WriteHeader(code)
	}
}

var errOver = errors.New("the answer is too large to be held")

func (h *holder) Write(b []byte) (int, error) {
	if h.code == 0 {
		h.WriteHeader(http.StatusOK)
	}
	switch {
	case !h.holds:
		return h.ResponseWriter.Write(b)
	case h.body.Len()+len(b) > h.most:
		h.over = true
		return 0, errOver
	}
	return h.body.Write(b)
}
