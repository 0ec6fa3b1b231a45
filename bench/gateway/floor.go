package main

import (
	"context"
	"net"
	"net/http"
	"strings"
)

// A gateway in Go takes more than either of these.

// handOn is a proxy that reads no HTTP: it takes whatever comes at once for a request, or an answer.
func handOn(ctx context.Context, upstream string, ready func(string)) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	ready(l.Addr().String())
	for {
		client, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer client.Close() //nolint:errcheck // whoever waits there is told by it
			_ = handOnAll(client, strings.TrimPrefix(upstream, "http://"))
		}()
	}
}

func handOnAll(client net.Conn, to string) error {
	upstream, err := net.Dial("tcp", to)
	if err != nil {
		return err
	}
	defer upstream.Close() //nolint:errcheck // it was only lent
	buffer := make([]byte, 16<<10)
	for from, to := client, upstream; ; from, to = to, from {
		n, err := from.Read(buffer)
		if err != nil {
			return err
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return err
		}
	}
}

// answerAlone is net/http's server, which asks nobody.
func answerAlone(ctx context.Context, _ string, ready func(string)) error {
	return serveHTTP(ctx, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answerBody)) // the client is gone if this fails
	}), ready)
}
