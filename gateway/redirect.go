package gateway

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

func (c *compiler) redirect(i int, config redirectConfig, rt *route) http.Handler {
	code := cmp.Or(config.Code, http.StatusPermanentRedirect)
	if !slices.Contains([]int{301, 302, 303, 307, 308}, code) {
		c.mistake(strconv.Itoa(code)+" is no redirect", "use 301, 302, 303, 307 or 308",
			"routes", i, "redirect", "code")
		return nil
	}
	if config.To == "" {
		c.mistake("a redirect needs its goal", `such as to: "https://{host}{path}"`, "routes", i, "redirect")
		return nil
	}
	if name := rt.match.unknown(config.To, "host", "path", "query"); name != "" {
		c.mistake("nothing stands for "+name, "use the names of the path's template, host, path and query",
			"routes", i, "redirect", "to")
		return nil
	}
	text := braced.ReplaceAllString(config.To, "x")
	for at := range len(text) {
		if b := text[at]; b <= ' ' || b == 0x7f || b == '{' || b == '}' {
			c.mistake(fmt.Sprintf("%q stands for itself nowhere in a URL", b), "encode it, or leave it out",
				"routes", i, "redirect", "to")
			return nil
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := visitOf(r.Context())
		query := ""
		if r.URL.RawQuery != "" {
			query = "?" + r.URL.RawQuery
		}
		to := rt.match.fill(config.To, v.path.canonical, map[string]string{
			"host": v.host, "path": v.path.canonical, "query": query,
		})
		if len(to) > 1 && to[0] == '/' && (to[1] == '/' || to[1] == '\\') {
			to = "/" + strings.TrimLeft(to, `/\`) // it would lead to another host
		}
		w.Header().Set("Location", to)
		w.WriteHeader(code)
	})
}

const mostStatus = 599 // RFC 9110, 15

// isMediaType tells of types such as text/html; charset=utf-8 (RFC 9110, 8.3.1).
func isMediaType(s string) bool {
	whole, _, err := mime.ParseMediaType(s)
	kind, sub, _ := strings.Cut(whole, "/")
	return err == nil && isToken([]byte(kind)) && isToken([]byte(sub)) && httpguts.ValidHeaderFieldValue(s)
}

var bodiless = []int{http.StatusNoContent, http.StatusResetContent, http.StatusNotModified}

func (c *compiler) answer(i int, config answerConfig) http.Handler {
	code := cmp.Or(config.Code, http.StatusOK)
	kind := cmp.Or(config.Type, "text/plain; charset=utf-8")
	switch {
	case code < http.StatusOK || code > mostStatus:
		c.mistake(fmt.Sprintf("%d is no status of an answer", code), "use one from 200 to 599",
			"routes", i, "answer", "code")
	case config.Body != "" && slices.Contains(bodiless, code):
		c.mistake(fmt.Sprintf("an answer with the status %d has no body", code), "leave it out, or use another code",
			"routes", i, "answer", "body")
	}
	if !isMediaType(kind) {
		c.mistake(fmt.Sprintf("%q is no type of a body", kind), "write one such as application/json",
			"routes", i, "answer", "type")
	}
	body := []byte(config.Body)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(code)
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // the client is gone if this fails
		}
	})
}
