package gateway

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
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

func newAnswer(config answerConfig) http.Handler {
	code := cmp.Or(config.Code, http.StatusOK)
	kind := cmp.Or(config.Type, "text/plain; charset=utf-8")
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
