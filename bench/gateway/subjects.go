package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// subject is something that answers like the upstream.
type subject struct {
	name string
	path string // that it is asked for
	// start runs it until ctx ends, and calls ready with its address.
	start func(ctx context.Context, upstream string, ready func(address string)) error
}

const (
	peerBare   = "httputil.ReverseProxy"
	peerCaddy  = "Caddy"
	peerNginx  = "nginx"
	floorProxy = "bytes handed on in Go"
	floorHTTP  = "net/http, which asks nobody"
	ownProxy   = "gateway"
	ownCall    = "gateway, JSON to a service in its process"
	ownProxied = "gateway, JSON proxied to the same service"
	ownCached  = "gateway, cached"
	peerCached = "nginx, proxy_cache"
)

func subjects() []subject {
	return []subject{
		{floorProxy, "/v1/profiles/ann", handOn},
		{floorHTTP, "/v1/profiles/ann", answerAlone},
		{ownProxy, "/v1/profiles/ann", gatewayFor(proxyConfig)},
		{peerBare, "/v1/profiles/ann", bare},
		{peerCaddy, "/v1/profiles/ann", caddyProxy},
		{peerNginx, "/v1/profiles/ann", nginxFor("")},
		{ownCall, "/v1/profiles/ann", callInProcess},
		{ownProxied, "/v1/profiles/ann", callProxied},
		{ownCached, "/v1/profiles/ann", gatewayFor(cacheConfig)},
		{peerCached, "/v1/profiles/ann", nginxFor("proxy_cache answers; proxy_cache_valid 200 1h;")},
	}
}

// bare is what one gets from the standard library, with the one setting that everybody
// learns: connections are kept.
func bare(ctx context.Context, upstream string, ready func(string)) error {
	u, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(u); r.SetXForwarded() },
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024},
	}
	return serveHTTP(ctx, proxy, ready)
}

const nginxConfig = `
daemon off;
worker_processes 1;
pid DIR/pid;
error_log DIR/error.log;
events { worker_connections 1024; }
http {
  access_log DIR/access.log;
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
  proxy_cache_path DIR/cache keys_zone=answers:1m;
  keepalive_requests 1000000000;
  upstream u { server UPSTREAM; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen ADDRESS;
    location / {
      proxy_pass http://u;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
      CACHE
    }
  }
}
`

func nginxFor(cache string) func(context.Context, string, func(string)) error {
	return func(ctx context.Context, upstream string, ready func(string)) error {
		dir, err := os.MkdirTemp("", "nginx")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		address, err := freeAddress()
		if err != nil {
			return err
		}
		config := strings.NewReplacer("DIR", dir, "ADDRESS", address, "CACHE", cache,
			"UPSTREAM", strings.TrimPrefix(upstream, "http://")).Replace(nginxConfig)
		file := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			return err
		}
		// Its worker must read what root has made.
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
		return program(ctx, address, ready, "nginx", "-c", file, "-g", "user root;")
	}
}

const caddyConfig = `{
	"admin": {"disabled": true},
	"logging": {"logs": {"default": {"level": "ERROR"}}},
	"apps": {"http": {"servers": {"bench": {
		"listen": ["%s"], "automatic_https": {"disable": true},
		"routes": [{"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "%s"}]}]}]
	}}}}
}`

// proxyConfig is a gateway's, with its log and limits on.
const proxyConfig = `
listen: [{address: 127.0.0.1:0}]
log: %s
upstreams:
  one: {urls: ["%s"]}
routes:
  - match: {hosts: [other.example]}
    answer: {body: not here}
  - match: {path: "/v1/**"}
    proxy: one
`

const cacheConfig = proxyConfig + `    cache: {}
`

func configOf(template, upstream string) string { return fmt.Sprintf(template, os.DevNull, upstream) }
