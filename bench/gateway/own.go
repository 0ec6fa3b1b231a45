package main

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"time"

	"github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/gateway"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/httplink"
	"github.com/kerf-go/kerf/link/inproc"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/telemetry"
	"github.com/kerf-go/kerf/transcode"
)

// gatewayFor runs a gateway by a configuration.
func gatewayFor(config string) func(context.Context, string, func(string)) error {
	return func(ctx context.Context, upstream string, ready func(string)) error {
		return runGateway(ctx, configOf(config, upstream), nil, ready)
	}
}

func runGateway(
	ctx context.Context, config string, services map[string][]transcode.Service, ready func(string),
) error {
	debug.SetGCPercent(400) //nolint:mnd // as "kerf gateway" does
	d, err := plan.ReadDocument("gateway.yaml", []byte(config))
	if err != nil {
		return err
	}
	g, err := gateway.New(d, gateway.Options{Services: services})
	if err != nil {
		return err
	}
	defer g.Close()
	tel, err := telemetry.New(ctx, telemetry.Options{App: "bench"})
	if err != nil {
		return err
	}
	s, err := g.Listen(ctx, tel.Web(g))
	if err != nil {
		return err
	}
	ready(strings.TrimPrefix(s.URLs()[0], "http://"))
	return s.Serve(ctx)
}

// profiles is a service that gives the upstream's answer.
type profiles struct {
	accountsv1.UnimplementedAccountsServer
}

func (profiles) GetProfile(
	_ context.Context, r *accountsv1.GetProfileRequest,
) (*accountsv1.GetProfileResponse, error) {
	return &accountsv1.GetProfileResponse{Profile: &accountsv1.Profile{
		Id: 7, Name: r.GetName(), DisplayName: "Ann", Bio: "writes short messages",
	}}, nil
}

const callConfig = `
listen: [{address: 127.0.0.1:0}]
log: /dev/null
routes:
  - match: {hosts: [other.example]}
    answer: {body: not here}
  - match: {path: "/v1/**"}
    call: [accounts]
`

// callInProcess has the service a function away.
func callInProcess(ctx context.Context, _ string, ready func(string)) error {
	at := &url.URL{Scheme: "inproc", Host: "accounts"}
	server, err := inproc.Link{}.Listen(ctx, at, link.ListenOptions{})
	if err != nil {
		return err
	}
	defer server.Close()
	accountsv1.RegisterAccountsServer(server, profiles{})
	go func() { _ = server.Serve() }()
	conn, err := inproc.Link{}.Dial(at, link.DialOptions{})
	if err != nil {
		return err
	}
	defer conn.Close()
	return runGateway(ctx, callConfig, map[string][]transcode.Service{"accounts": {{
		Desc: accountsv1.File_examples_chirp_accounts_v1_accounts_proto.Services().ByName("Accounts"), Conn: conn,
	}}}, ready)
}

// callProxied has it in another process, on the same core, as a plain REST service.
func callProxied(ctx context.Context, _ string, ready func(string)) error {
	service := exec.CommandContext(ctx, os.Args[0], "serve", restService)
	address, stop, err := start(service)
	if err != nil {
		return err
	}
	defer stop()
	return runGateway(ctx, configOf(proxyConfig, "http://"+address), nil, ready)
}

const restService = "the service"

func serveREST(ctx context.Context, _ string, ready func(string)) error {
	server, err := httplink.Link{}.Listen(ctx, &url.URL{Scheme: "http", Host: "127.0.0.1:0"}, link.ListenOptions{})
	if err != nil {
		return err
	}
	accountsv1.RegisterAccountsServer(server, profiles{})
	ready(strings.TrimPrefix(server.URL(), "http://"))
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	return server.Serve()
}

// serveHTTP serves a handler as net/http does by default.
func serveHTTP(ctx context.Context, h http.Handler, ready func(string)) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ready(l.Addr().String())
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	return server.Serve(l)
}
