package auth

import (
	"net/url"
	"strings"
)

// cutQuery takes a parameter out of a query, and gives the rest as it was.
func cutQuery(query, name string) (values []string, rest string) {
	if query == "" {
		return nil, ""
	}
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(key); err != nil || plain != name {
			kept = append(kept, pair)
			continue
		}
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		values = append(values, value)
	}
	if values == nil {
		return nil, query
	}
	return values, strings.Join(kept, "&")
}

// cutCookies takes those cookies out of Cookie headers that ours tells of, by their names,
// and gives the rest as it was.
func cutCookies(headers []string, ours func(name string) bool) []string {
	var rest []string
	for _, header := range headers {
		var kept []string
		for pair := range strings.SplitSeq(header, ";") {
			name, _, _ := strings.Cut(pair, "=")
			if name = strings.TrimSpace(name); name == "" || !ours(name) {
				kept = append(kept, pair)
			}
		}
		if header = strings.TrimLeft(strings.Join(kept, ";"), " "); header != "" {
			rest = append(rest, header)
		}
	}
	return rest
}
