package web

import (
	"log/slog"
	"net/url"

	trendsv1 "github.com/kerf-go/kerf/examples/chirp/trends/v1"
)

// trend is a hashtag that many use.
type trend struct{ Name string }

// Address is where its posts are.
func (t trend) Address() string { return "/search?" + url.Values{"q": {"#" + t.Name}}.Encode() }

// trends asks for the hashtags of the day. Nobody misses them: a page without them is
// whole, and says nothing of it.
func (v *visit) trends() []trend {
	if v.site.clients.Trends == nil {
		return nil
	}
	const most = 5
	ctx, cancel := v.extra()
	defer cancel()
	answer, err := v.site.clients.Trends.Top(ctx, &trendsv1.TopRequest{Limit: most})
	if err != nil {
		v.log().DebugContext(ctx, "page has no trends", slog.Any("error", err))
	}
	var all []trend
	for _, tag := range answer.GetTags() {
		all = append(all, trend{tag.GetName()})
	}
	return all
}
