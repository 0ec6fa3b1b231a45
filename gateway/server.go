package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

const (
	defaultHeader     = 64 << 10
	defaultBody       = 10 << 20
	defaultHeaderTime = 10 * time.Second
	defaultIdleTime   = 2 * time.Minute
	defaultStreams    = 250
	defaultDrainTime  = 15 * time.Second
)

// Server answers on the addresses of a gateway's configuration.
type Server struct {
	http      *http.Server
	listeners []net.Listener
	urls      []string
	conns     conns
	drain     time.Duration
	logger    *slog.Logger
	closers   []io.Closer
	admin     *admin // nil: there is none
}

// Listen takes the addresses of the configuration. h is the gateway, or leads to it. The
// addresses, their certificates and the limits of connections stay as they are when the
// configuration is reloaded.
func (g *Gateway) Listen(ctx context.Context, h http.Handler) (*Server, error) {
	site := g.current.Load()
	config := site.config
	if len(config.Listen) == 0 {
		return nil, errors.New("the configuration lists no address: write listen: [{address: 127.0.0.1:8080}]")
	}
	limits := config.Limits
	s := &Server{
		http: newHTTP(limits, h, g.options.Logger), conns: conns{refuse: g.refuse, upgraded: make(map[*conn]bool)},
		drain: cmp.Or(limits.DrainTime, defaultDrainTime), logger: g.options.Logger,
	}
	s.http.ConnState = s.conns.state
	stall := cmp.Or(limits.IdleTime, defaultIdleTime)
	for i, l := range config.Listen {
		made, err := new(net.ListenConfig).Listen(ctx, "tcp", l.Address)
		if err != nil {
			s.close()
			return nil, fmt.Errorf("%s: listen on %s: %w%s", site.places[i], l.Address, err, remedy(err))
		}
		scheme := schemeHTTP
		if l.TLS != nil {
			scheme = schemeHTTPS
			config, closer, err := l.TLS.load(ctx, made.Addr().String(), s.logger)
			if err != nil {
				_ = made.Close()
				s.close()
				return nil, fmt.Errorf("listen on %s: %w", l.Address, err)
			}
			s.closers = append(s.closers, closer)
			made = tls.NewListener(made, config)
		}
		s.urls = append(s.urls, scheme+"://"+made.Addr().String())
		s.listeners = append(s.listeners, &connListener{made, &s.conns, stall})
	}
	var err error
	if s.admin, err = g.listenAdmin(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// remedy says what to do where an address cannot be had.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "; stop what listens there, or write another address"
	case errors.Is(err, syscall.EACCES):
		return "; write a port from 1024 on, or let the program have lower ones"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "; write an address of this machine, or 0.0.0.0 for all of them"
	}
	return ""
}

func (s *Server) close() {
	for _, l := range s.listeners {
		_ = l.Close() // nobody has called there
	}
	for _, c := range s.closers {
		_ = c.Close()
	}
}

// URLs are where clients reach the server, in the order of the configuration.
func (s *Server) URLs() []string { return s.urls }

// Serve answers until ctx ends, and then until the requests that run and the connections
// that were upgraded have ended, or the drain time is over.
func (s *Server) Serve(ctx context.Context) error {
	defer s.admin.start()()
	failed := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() { failed <- s.http.Serve(l) }()
	}
	var err error
	running := len(s.listeners)
	select {
	case <-ctx.Done():
	case err = <-failed:
		running--
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.drain)
	defer cancel()
	defer s.close()
	if s.http.Shutdown(drain) != nil {
		s.logger.Warn("requests are ended, since the drain time is over")
		s.conns.ending.Store(true)
		err = errors.Join(err, s.http.Close())
	}
	s.conns.end(drain, s.logger)
	for range running {
		if e := <-failed; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

func newHTTP(limits limitsConfig, h http.Handler, logger *slog.Logger) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	headerTime := cmp.Or(limits.HeaderTime, defaultHeaderTime)
	return &http.Server{
		Handler:           serve(h),
		Protocols:         &protocols,
		MaxHeaderBytes:    cmp.Or(limits.Header, defaultHeader),
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       cmp.Or(limits.IdleTime, defaultIdleTime),
		// Who asks for OPTIONS * is logged and counted as all others are.
		DisableGeneralOptionsHandler: true,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: cmp.Or(limits.Streams, defaultStreams),
			SendPingTimeout:      headerTime, // nothing but a ping ends headers that do not come whole
			PingTimeout:          headerTime,
		},
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if c, ok := c.(*conn); ok {
				ctx, c.departure.leave = context.WithCancel(ctx)
			}
			return context.WithValue(ctx, connKey{}, c)
		},
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}
