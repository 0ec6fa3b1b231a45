package messages

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	"github.com/kerf-go/kerf/examples/chirp/paging"
	"github.com/kerf-go/kerf/examples/chirp/rpcerr"
)

// Bounds of a query.
const (
	maxQuery = 100 // code points
	maxWords = 10
)

// Search finds posts that hold every word of the query; the last word may be the
// beginning of one. Capitals and accents make no difference.
func (m *Messages) Search(
	ctx context.Context, req *messagesv1.SearchRequest,
) (*messagesv1.SearchResponse, error) {
	match, err := matchQuery(req.GetQuery())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	page, err := pageOf(paging.List{Kind: kindSearch, Key: hash(match)}, req)
	if err != nil {
		return nil, err
	}
	hits, err := m.store.search(ctx, match, page.before, page.size+1)
	if err != nil {
		return nil, rpcerr.From(ctx, m.log, "search posts", err)
	}
	id := func(h *messagesv1.SearchHit) int64 { return h.GetPost().GetId() }
	hits, next := paging.Cut(page.list, hits, page.size, id)
	return &messagesv1.SearchResponse{Hits: hits, NextCursor: next}, nil
}

// matchQuery makes FTS5's query of what somebody typed. Each word is an FTS5
// string, in which nothing but the quote has a meaning, so that no operator,
// column name or wildcard of FTS5 gets through.
func matchQuery(typed string) (string, error) {
	if !utf8.ValidString(typed) {
		return "", errors.New("the search is not valid UTF-8")
	}
	if n := utf8.RuneCountInString(typed); n > maxQuery {
		return "", fmt.Errorf("the search is too long: use at most %d characters", maxQuery)
	}
	var quoted []string
	for _, word := range strings.FieldsFunc(norm.NFC.String(typed), separates) {
		if strings.ContainsFunc(word, searchable) {
			quoted = append(quoted, `"`+strings.ReplaceAll(word, `"`, `""`)+`"`)
		}
	}
	switch {
	case len(quoted) == 0:
		return "", errors.New("type a word to search for: letters or digits")
	case len(quoted) > maxWords:
		return "", fmt.Errorf("the search has %d words: use at most %d", len(quoted), maxWords)
	}
	return strings.Join(quoted, " ") + "*", nil
}

func separates(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// searchable is true of what the tokenizer unicode61 puts into words.
func searchable(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

func hash(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // never fails
	return h.Sum64()
}

// Marks that highlight() puts around what matched. No post holds them, because
// they are control characters.
const (
	markStart = "\x02"
	markEnd   = "\x03"
)

// spans takes the marks out of a highlighted text and tells where they were.
func spans(marked string) []*messagesv1.Span {
	var found []*messagesv1.Span
	var at, start int32
	for i := range len(marked) {
		switch marked[i : i+1] {
		case markStart:
			start = at
		case markEnd:
			found = append(found, &messagesv1.Span{Start: start, End: at})
		default:
			at++
		}
	}
	return found
}
