package compress

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// Options say what is compressed. Zero is the default.
type Options struct {
	// Least is the size, in bytes, from which a body is compressed; 1 KiB: a smaller one fits a packet
	// anyway.
	Least int
	// Types are media types; text/* stands for all of text, *+json for all that end so. Default: text,
	// JSON, JavaScript, XML, SVG, WebAssembly and fonts that are not compressed already.
	Types []string
	// Codings are those used, of zstd, br and gzip; all.
	Codings []string
}

const defaultLeast = 1 << 10

var defaultTypes = []string{
	"text/*", "application/json", "*+json", "application/x-ndjson", "application/javascript",
	"application/xml", "*+xml", "application/wasm", "application/vnd.ms-fontobject", "font/ttf", "font/otf",
}

// Handler compresses the answers of another. It is safe for concurrent use.
type Handler struct {
	next   http.Handler
	least  int
	types  map[string]bool
	groups []string // text/
	ends   []string // +json
	have   [codings]bool
}

var _ http.Handler = (*Handler)(nil)

// New puts compression around a handler. It refuses codings and types that are none.
func New(o Options, next http.Handler) (*Handler, error) {
	h := &Handler{next: next, least: cmp.Or(o.Least, defaultLeast), types: make(map[string]bool)}
	for _, name := range o.Codings {
		i := slices.Index(names[:], name)
		if i < 0 {
			return nil, fmt.Errorf("%q is no coding: use zstd, br and gzip", name)
		}
		h.have[i] = true
	}
	if len(o.Codings) == 0 {
		h.have = [codings]bool{true, true, true}
	}
	types := o.Types
	if len(types) == 0 {
		types = defaultTypes
	}
	for _, t := range types {
		t = strings.ToLower(t)
		group, isGroup := strings.CutSuffix(t, "/*")
		end, isEnd := strings.CutPrefix(t, "*+")
		switch {
		case isGroup && group != "" && !strings.ContainsAny(group, "*/"):
			h.groups = append(h.groups, group+"/")
		case isEnd && end != "":
			h.ends = append(h.ends, "+"+end)
		case strings.Count(t, "/") == 1 && !strings.ContainsAny(t, "*; "):
			h.types[t] = true
		default:
			return nil, fmt.Errorf("%q is no type: write one such as text/html, text/* or *+json", t)
		}
	}
	return h, nil
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := &writer{ResponseWriter: w, handler: h, request: r}
	out.coding = parseAccept(r.Header["Accept-Encoding"]).choose(&h.have)
	done := false
	defer func() {
		if !done { // a panic: the end must not look like one
			out.release()
		}
	}()
	h.next.ServeHTTP(out, r)
	done = true
	out.finish()
}

// takes tells whether answers of a type get smaller.
func (h *Handler) takes(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	return h.types[kind] ||
		slices.ContainsFunc(h.groups, func(g string) bool { return strings.HasPrefix(kind, g) }) ||
		slices.ContainsFunc(h.ends, func(e string) bool { return strings.HasSuffix(kind, e) })
}
