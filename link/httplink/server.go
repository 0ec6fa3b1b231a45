package httplink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

type server struct {
	*call.Table
	listener net.Listener
	url      string
	options  link.ListenOptions
	secure   bool
	http     *http.Server
	cancel   context.CancelFunc // ends every call's context
	stop     sync.Once
	drained  chan struct{} // closed when Shutdown or Close is through
}

var _ link.Server = (*server)(nil)

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 5 * time.Minute
	maxHeaderBytes    = 1 << 20
	// Streams at once on one connection. More wait, or get a second connection.
	maxStreams = 1 << 16
	// What may wait unread: little for each stream, much for the connection, so
	// that one slow stream leaves room for the others.
	streamBuffer, connBuffer = 1 << 20, 1 << 30
)

func listen(ctx context.Context, u *url.URL, o link.ListenOptions, how Link) (*server, error) {
	if u.Scheme == secureScheme && o.TLS == nil {
		return nil, fmt.Errorf("listen on %q: https needs a certificate in ListenOptions.TLS", u)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address(u))
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", u, err)
	}
	bound := &url.URL{Scheme: u.Scheme, Host: l.Addr().String()}
	l = listener{l, how.patience}
	if u.Scheme == secureScheme {
		config := o.TLS.Clone()
		config.NextProtos = []string{"h2", "http/1.1"}
		l = tls.NewListener(l, config)
	}
	s := &server{
		Table: call.NewTable(o), listener: l, url: bound.String(), options: o, secure: u.Scheme == secureScheme,
		drained: make(chan struct{}),
	}
	s.http = s.newHTTP(how.pings())
	return s, nil
}

func (s *server) newHTTP(config *http.HTTP2Config) *http.Server {
	logger := s.options.Logger
	if logger == nil {
		logger = slog.Default()
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	base, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	config.MaxConcurrentStreams = maxStreams
	config.MaxReceiveBufferPerStream, config.MaxReceiveBufferPerConnection = streamBuffer, connBuffer
	return &http.Server{
		Protocols:         &protocols,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		HTTP2:             config,
	}
}

func (s *server) URL() string { return s.url }

func (s *server) Serve() error {
	if err := s.Seal(); err != nil {
		_ = s.Close()
		return err
	}
	select {
	case <-s.drained:
		return fmt.Errorf("serve %s: it has been closed already", s.url)
	default:
	}
	handler, err := newHandler(s.Table, s.options, s.secure)
	if err != nil {
		_ = s.Close()
		return err
	}
	s.http.Handler = handler
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", s.url, err)
	}
	<-s.drained
	return nil
}

// Shutdown refuses new connections and calls, waits for the running calls, and
// ends them when ctx does.
func (s *server) Shutdown(ctx context.Context) error {
	var err error
	s.stop.Do(func() {
		err = s.http.Shutdown(ctx)
		s.end()
		if err != nil {
			err = fmt.Errorf("shutdown %s: calls still run: %w", s.url, err)
		}
	})
	<-s.drained
	return err
}

// Close ends every call at once.
func (s *server) Close() error {
	s.cancel()
	s.stop.Do(s.end)
	return nil
}

func (s *server) end() {
	s.cancel()
	_ = s.http.Close()
	_ = s.listener.Close() // net/http knows it only once it serves
	close(s.drained)
}
