package gateway

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/transcode"
)

// part is one of the answers that a merge makes one of.
type part struct {
	name     string
	get      *blank
	field    []string // what of the answer is the part; nil: all
	optional bool
	timeout  time.Duration // 0: none but the merge's
	by       http.RoundTripper
	outside  bool                 // what by answers may be anything
	answers  *transcode.Operation // nil: it is outside
}

func (c *compiler) part(i int, name string, all mergeConfig, rt *route) *part {
	config, way := all.Parts[name], []any{"routes", i, "merge", "parts", name}
	wrong := func(what, hint string, below ...any) { c.mistake(what, hint, append(slices.Clip(way), below...)...) }
	if !isPartName(name) || name == missingName || name == "query" || name == "user" || rt.match.named(name) != nil {
		wrong("a part cannot have the name "+name,
			"give it one of letters, digits, - and _, other than missing, query, user and the path's variables")
	}
	p := &part{name: name, optional: config.Optional, timeout: config.Timeout}
	if config.Field != "" {
		p.field = strings.Split(config.Field, ".")
	}
	var err error
	if p.get, err = newBlank(config.Get, all.Parts, rt.match); err != nil {
		wrong(err.Error(), "write a path such as /v1/posts?author={profile.id}", "get")
		return p
	}
	switch {
	case (config.Call == "") == (config.Proxy == ""):
		wrong("a part has exactly one of call and proxy", "name a service of the app, or an upstream")
	case config.Call != "":
		services, ok := c.services([]string{config.Call}, append(slices.Clip(way), "call")...)
		if !ok {
			return p
		}
		h := c.transcoder(services, transcode.Options{}, append(slices.Clip(way), "call")...)
		if h == nil {
			return p
		}
		sample := &http.Request{Method: http.MethodGet, URL: &url.URL{}}
		path, _, _ := strings.Cut(p.get.sample(), "?")
		setPath(sample.URL, path)
		if o, ok := h.Operation(sample); ok {
			p.answers = &o
		} else {
			wrong(fmt.Sprintf("no method of %s answers GET %s", config.Call, path),
				"see the google.api.http annotations of its methods", "get")
		}
		p.by = local{h}
	default:
		if p.by = c.site.upstreams[config.Proxy]; c.site.upstreams[config.Proxy] == nil {
			c.noUpstream(config.Proxy, append(slices.Clip(way), "proxy")...)
		}
		p.outside = true
	}
	return p
}

func isPartName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// ask waits for what the part needs, and makes its request. A panic is this part's failure.
func (p *part) ask(ctx context.Context, m *merging) (body json.RawMessage, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			m.logger.Error("a part panicked",
				"part", p.name, "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
			err = status.Error(codes.Internal, "the answer broke off")
		}
	}()
	target, err := p.get.fill(m)
	if err != nil {
		return nil, err
	}
	if p.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.timeout)
		defer cancel()
	}
	response, err := p.by.RoundTrip(p.request(ctx, m, target))
	if err != nil {
		return nil, p.failure(ctx, err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	if body, err = p.read(response.Body, m); err != nil {
		return nil, p.failure(ctx, err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, transcode.ReadError(response.StatusCode, body)
	}
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind != "application/json" &&
		!strings.HasSuffix(kind, "+json") || p.outside && !json.Valid(body) {
		return nil, status.Error(codes.Internal, "the answer is not JSON")
	}
	if p.field != nil {
		return pick(body, p.field)
	}
	return body, nil
}

// unforwarded are headers of the client that are about its own request or its answer.
var unforwarded = []string{
	"Accept", "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type",
	"Expect", "If-Match",
	"If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive", "Proxy-Authorization",
	"Proxy-Connection", "Range", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// request has the client's headers, which say who it is.
func (p *part) request(ctx context.Context, m *merging, target string) *http.Request {
	in := m.request
	path, query, _ := strings.Cut(target, "?")
	r := (&http.Request{
		Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: "upstream", RawQuery: query}, Host: in.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: in.Header.Clone(), Body: http.NoBody,
		RemoteAddr: in.RemoteAddr,
	}).WithContext(ctx)
	setPath(r.URL, path)
	for _, list := range in.Header.Values("Connection") {
		for name := range strings.SplitSeq(list, ",") {
			r.Header.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range unforwarded {
		delete(r.Header, name)
	}
	r.Header.Set("Accept", "application/json")
	forward(in, r)
	m.route.headers.Request.apply(r.Header)
	return r
}

// read gives an answer, if there is room for it. An optional part that fails leaves its room
// to others; a required one needs no more than there is for those.
func (p *part) read(from io.Reader, m *merging) (whole []byte, err error) {
	var body bytes.Buffer
	left := &m.must
	if p.optional {
		left = &m.left
		defer func() {
			if err != nil {
				left.Add(int64(body.Len()))
			}
		}()
	}
	piece := make([]byte, 8<<10)
	for {
		n, err := from.Read(piece)
		if !left.take(n) {
			return nil, m.errSize()
		}
		if !p.optional {
			m.left.Add(-int64(n))
		}
		body.Write(piece[:n])
		if errors.Is(err, io.EOF) {
			return body.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// failure is what a client is told of a part that has no answer.
func (p *part) failure(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, "the answer took too long")
	case ctx.Err() != nil:
		return status.Error(codes.Canceled, "the request has ended")
	case status.Code(err) == codes.ResourceExhausted:
		return err
	}
	return noAnswer(err)
}

// local answers by a handler of this process.
type local struct{ http.Handler }

// RoundTrip keeps the answer as it is written: it never has an error.
func (l local) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	kept := &keeper{header: make(http.Header), end: cancel}
	l.ServeHTTP(kept, r.WithContext(ctx))
	return &http.Response{
		StatusCode: cmp.Or(kept.code, http.StatusOK), Header: kept.header, Body: io.NopCloser(&kept.body),
	}, nil
}

// keeper keeps an answer. One that would go on as it likes, a stream, it ends.
type keeper struct {
	header http.Header
	code   int
	body   bytes.Buffer
	end    func()
}

func (k *keeper) Header() http.Header { return k.header }

func (k *keeper) WriteHeader(code int) {
	k.code = code
	if k.header.Get("Content-Length") == "" {
		k.end()
	}
}

func (k *keeper) Write(b []byte) (int, error) {
	if k.header.Get("Content-Length") == "" {
		return 0, errors.New("a stream is no part of an answer")
	}
	return k.body.Write(b)
}
