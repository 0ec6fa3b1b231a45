package web

import (
	"net/http"
	"strings"

	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

// searchPage is the data of the search.
type searchPage struct {
	Query    string
	Wrong    string
	Timeline *timeline // nil before anything was asked, and if it is missing
}

func (v *visit) search() error {
	data := searchPage{Query: v.r.URL.Query().Get("q")}
	if strings.TrimSpace(data.Query) == "" {
		v.render(http.StatusOK, "search", "Search", data)
		return nil
	}
	answer, err := v.site.clients.Messages.Search(v.r.Context(),
		&messagesv1.SearchRequest{Query: data.Query, Cursor: v.cursor()})
	status, err := v.gap(err, "Search is not available right now.")
	switch {
	case err != nil && v.cursor() != "":
		return err
	case err != nil:
		p := problemOf(err)
		status, data.Wrong = p.status, p.Detail()
	case status == http.StatusOK:
		data.Timeline = v.found(answer)
	}
	v.render(status, "search", data.Query+" – search", data)
	return nil
}

// found makes a timeline of what a search found, marked.
func (v *visit) found(answer *messagesv1.SearchResponse) *timeline {
	posts := make([]*messagesv1.Post, 0, len(answer.GetHits()))
	for _, hit := range answer.GetHits() {
		posts = append(posts, hit.GetPost())
	}
	t := v.show(posts, answer.GetNextCursor(), true)
	t.Empty = "No post holds all of these words."
	for i, hit := range answer.GetHits() {
		t.Posts[i].Text = pieces(hit.GetPost().GetText(), hit.GetHighlights())
	}
	return t
}
