package web

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

// piece is a stretch of a post's text, with a link or without. Templates escape it.
type piece struct {
	Href    string // empty for plain text
	Outside bool   // the link leaves the site
	Parts   []part
}

// part is a stretch of a piece; Mark says that a search found it.
type part struct {
	Text string
	Mark bool
}

// linkable finds web addresses and mentions; what comes before a mention is in the
// way so that mail addresses are left alone.
var linkable = regexp.MustCompile(`https?://[^\s<>"'` + "`" + `]+|(?:^|[^\w@/.+-])@[A-Za-z][A-Za-z0-9_]{2,19}\b`)

// pieces takes a text apart at its links and at what a search found in it.
func pieces(text string, found []*messagesv1.Span) []piece {
	found = sound(text, found)
	var all []piece
	at := 0
	for _, m := range linkable.FindAllStringIndex(text, -1) {
		start, end, href := link(text, m[0], m[1])
		if href == "" {
			continue
		}
		if at < start {
			all = append(all, piece{Parts: parts(text, at, start, found)})
		}
		all = append(all, piece{Href: href, Outside: href[0] != '/', Parts: parts(text, start, end, found)})
		at = end
	}
	if at < len(text) {
		all = append(all, piece{Parts: parts(text, at, len(text), found)})
	}
	return all
}

// link narrows a match of linkable to the link in it, whose href is empty if it
// should not be one.
func link(text string, start, end int) (from, to int, href string) {
	if !strings.HasPrefix(text[start:end], "http") {
		at := start + strings.IndexByte(text[start:end], '@')
		return at, end, "/@" + strings.ToLower(text[at+1:end])
	}
	address := strings.TrimRight(text[start:end], ".,;:!?*_")
	if !strings.ContainsRune(address, '(') {
		address = strings.TrimRight(address, ")].,;:!?")
	}
	u, err := url.Parse(address)
	// An address with a user in it is nearly always one that pretends to be another.
	if err != nil || u.Host == "" || u.User != nil {
		return 0, 0, ""
	}
	return start, start + len(address), u.String()
}

// parts cuts text[start:end] at what was found.
func parts(text string, start, end int, found []*messagesv1.Span) []part {
	var all []part
	for _, span := range found {
		from, to := max(start, int(span.GetStart())), min(end, int(span.GetEnd()))
		if from >= to {
			continue
		}
		if start < from {
			all = append(all, part{Text: text[start:from]})
		}
		all = append(all, part{Text: text[from:to], Mark: true})
		start = to
	}
	if start < end {
		all = append(all, part{Text: text[start:end]})
	}
	return all
}

// sound drops spans that are not within the text, in order, and whole characters:
// a wrong answer of a service must not break a page.
func sound(text string, spans []*messagesv1.Span) []*messagesv1.Span {
	var good []*messagesv1.Span
	last := 0
	boundary := func(i int) bool { return i == len(text) || utf8.RuneStart(text[i]) }
	for _, span := range spans {
		start, end := int(span.GetStart()), int(span.GetEnd())
		if start < last || end <= start || end > len(text) || !boundary(start) || !boundary(end) {
			continue
		}
		good, last = append(good, span), end
	}
	return good
}
