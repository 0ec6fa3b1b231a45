package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/transcode"
)

// admin answers operators on this machine. It asks for no password: who reaches the loopback
// address, or may open the socket, is trusted.
type admin struct {
	http     *http.Server
	listener net.Listener
	logger   *slog.Logger
}

// checkAdmin refuses addresses that others could reach.
func (c *compiler) checkAdmin() {
	address := c.config.Admin
	c.site.admin = c.document.Place("admin")
	if address == "" || strings.Contains(address, "/") {
		return
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() {
		c.mistake(fmt.Sprintf("admin cannot be at %q", address),
			"write a loopback address such as 127.0.0.1:9901, or a socket's path such as /run/gateway.sock", "admin")
	}
}

// listenAdmin takes the address of the configuration; nil: it has none.
func (g *Gateway) listenAdmin(ctx context.Context) (*admin, error) {
	site := g.current.Load()
	address := site.config.Admin
	if address == "" {
		return nil, nil //nolint:nilnil // start of nil does nothing
	}
	network := "tcp"
	if strings.Contains(address, "/") {
		network = "unix"
		removeDead(ctx, address)
	}
	l, err := new(net.ListenConfig).Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("%s: listen for admin on %s: %w%s", site.admin, address, err, remedy(err))
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o600); err != nil {
			return nil, errors.Join(fmt.Errorf("admin's socket: %w", err), l.Close())
		}
	}
	a := &admin{http: &http.Server{
		Handler: g.adminHandler(), ReadHeaderTimeout: defaultHeaderTime, ReadTimeout: defaultHeaderTime,
		ErrorLog: slog.NewLogLogger(g.options.Logger.Handler(), slog.LevelDebug),
	}, listener: l, logger: g.options.Logger}
	if network == "tcp" {
		a.http.Handler = onlyByAddress(a.http.Handler)
	}
	return a, nil
}

// removeDead removes the socket of a gateway that is gone.
func removeDead(ctx context.Context, path string) {
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSocket == 0 {
		return
	}
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", path)
	if err != nil {
		_ = os.Remove(path) // listening tells why not
		return
	}
	_ = c.Close() // it was only to see whether somebody is there
}

// start answers until the function that it gives is called.
func (a *admin) start() (stop func()) {
	if a == nil {
		return func() {}
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := a.http.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
			a.logger.Error("admin answers no more", "error", err)
		}
	}()
	return func() {
		_ = a.http.Close() // its requests are short
		<-served
	}
}

// serveAdmin answers operators until ctx ends.
func (g *Gateway) serveAdmin(ctx context.Context) error {
	a, err := g.listenAdmin(ctx)
	if err != nil {
		return err
	}
	defer a.start()()
	<-ctx.Done()
	return nil
}

// Admin is the address for operators; "": there is none.
func (s *Server) Admin() string {
	if s.admin == nil {
		return ""
	}
	return s.admin.listener.Addr().String()
}

// adminHandler answers operators.
func (g *Gateway) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n")) // the client is gone if this fails
	})
	mux.HandleFunc("GET /cache", func(w http.ResponseWriter, r *http.Request) {
		site := g.current.Load()
		if site == nil || site.store == nil {
			transcode.WriteError(w, r, status.Error(codes.FailedPrecondition, "no route has a cache"))
			return
		}
		writeJSON(w, site.store.Stats())
	})
	mux.HandleFunc("POST /cache/purge", g.servePurge)
	if g.options.Admin != nil {
		mux.Handle("/", g.options.Admin)
	}
	return notFromPages(mux)
}

// notFromPages answers nothing that a page of another origin asks for, in a browser on this machine: it
// could not read the answer, but a profile costs something, too.
func notFromPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isFromElsewhere(r) {
			transcode.WriteError(w, r, status.Error(codes.PermissionDenied,
				"pages of other origins may not ask for this"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isFromElsewhere tells of requests that a browser makes for a page of another origin. Others have
// neither of the two headers, and what a user has typed in comes from none.
func isFromElsewhere(r *http.Request) bool {
	return slices.ContainsFunc(r.Header["Sec-Fetch-Site"], func(site string) bool {
		return site != "same-origin" && site != "none"
	}) || slices.ContainsFunc(r.Header["Origin"], func(origin string) bool {
		u, err := url.Parse(origin)
		return err != nil || u.Host != r.Host
	})
}

func (g *Gateway) servePurge(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	prefix, err := strconv.ParseBool(query.Get("prefix"))
	if err != nil && query.Get("prefix") != "" {
		transcode.WriteError(w, r, status.Error(codes.InvalidArgument, "prefix is true or false"))
		return
	}
	purged, err := g.Purge(query.Get("host"), query.Get("path"), prefix)
	if err != nil {
		transcode.WriteError(w, r, err)
		return
	}
	writeJSON(w, struct {
		Purged int `json:"purged"`
	}{purged})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // numbers; the client is gone if this fails
}

// onlyByAddress answers requests that name the host by its address, or localhost: a page could
// give its own name this address (DNS rebinding).
func onlyByAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r)
		if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil && host != "localhost" {
			transcode.WriteError(w, r, status.Error(codes.PermissionDenied,
				"ask for this by the listener's address, not by a name"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
