package httplink

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

func TestABodyThatDoesNotArriveIsGivenUp(t *testing.T) {
	t.Parallel()
	read := make(chan error, 1)
	server := httptest.NewServer(hurried(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	}), 20*time.Millisecond))
	defer server.Close()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na"); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err == nil {
		t.Error("half a body was read without an error")
	}
}

func TestAHandlerMayTakeLongerThanTheBody(t *testing.T) {
	t.Parallel()
	const within = 20 * time.Millisecond
	server := httptest.NewServer(hurried(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		timer := time.NewTimer(10 * within)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			w.WriteHeader(http.StatusInternalServerError) // if anybody still listens
		}
	}), within))
	defer server.Close()
	for range 2 { // the second on the same connection
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("all"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%v, %v", response.Status, err)
		}
	}
}

// A server that nobody can trust must not turn its failure into a success.
func TestAFailureIsNeverOK(t *testing.T) {
	t.Parallel()
	for _, forged := range []string{"0", "-1", "5", "x", "99999999999"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set(codeHeader, forged)
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"code": "aborted", "message": "no"}`)
		}))
		url := server.URL + "/x/y"
		client := connect.NewClient[raw, raw](http.DefaultClient, url, connect.WithCodec(rawCodec{"json"}))
		_, err := client.CallUnary(t.Context(), connect.NewRequest(&raw{}))
		err = fromConnect(t.Context(), err, true)
		if status.Code(err) != codes.Aborted || link.Ran(err) != link.Answered {
			t.Errorf("%s: %v", forged, err)
		}
		server.Close()
	}
}
