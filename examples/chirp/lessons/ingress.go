package lessons

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/kerf-go/kerf/demo"
)

// ingress is what stands before a site in production: its address stays while that of the
// site changes.
type ingress struct{ url string }

func newIngress(ctx context.Context, s *demo.Stage, site func() string) (*ingress, error) {
	url, err := serve(ctx, s, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			target, err := url.Parse(site())
			if err == nil {
				r.SetURL(target)
				r.Out.Header.Set("Origin", target.String())
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	})
	return &ingress{url}, err
}

// serve answers by HTTP until the end of the lesson, at a URL.
func serve(ctx context.Context, s *demo.Stage, h http.Handler) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("an address for an HTTP server: %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	s.OnClose(func() error {
		err := server.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	})
	return "http://" + listener.Addr().String(), nil
}
