package paging_test

import (
	"math"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/examples/chirp/paging"
)

func TestCursorComesBack(t *testing.T) {
	t.Parallel()
	list := paging.List{Kind: 'a', Key: 42}
	for _, last := range []int64{1, 2, 1 << 40, math.MaxInt64} {
		got, err := list.Before(list.Cursor(last))
		if err != nil || got != last {
			t.Errorf("got %d, %v; want %d", got, err, last)
		}
	}
	if got, err := list.Before(""); err != nil || got != math.MaxInt64 {
		t.Errorf("the first page begins below %d, %v", got, err)
	}
}

func TestCursorFromElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	list := paging.List{Kind: 'a', Key: 42}
	good := list.Cursor(7)
	for name, cursor := range map[string]string{
		"of another method":        paging.List{Kind: 'b', Key: 42}.Cursor(7),
		"of another account":       paging.List{Kind: 'a', Key: 43}.Cursor(7),
		"of an entry that is none": list.Cursor(0),
		"of a negative entry":      list.Cursor(-7),
		"cut off":                  good[:len(good)-1],
		"with something behind":    good + "A",
		"with a line break":        good[:4] + "\n" + good[4:],
		"padded":                   good + "==",
		"from nowhere":             "; DROP TABLE posts",
		"of another version":       "B" + good[1:],
	} {
		_, err := list.Before(cursor)
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("a cursor %s: got %v, want InvalidArgument", name, err)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for asked, want := range map[int32]int{0: 20, 1: 1, 100: 100} {
		if got, err := paging.Size(asked, 20); err != nil || got != want {
			t.Errorf("Size(%d) = %d, %v; want %d", asked, got, err, want)
		}
	}
	for _, asked := range []int32{-1, 101, math.MinInt32, math.MaxInt32} {
		if _, err := paging.Size(asked, 20); status.Code(err) != codes.InvalidArgument {
			t.Errorf("Size(%d): got %v, want InvalidArgument", asked, err)
		}
	}
}

func TestCutGivesACursorOnlyIfThereIsMore(t *testing.T) {
	t.Parallel()
	list := paging.List{Kind: 'a'}
	id := func(n int64) int64 { return n }
	if page, next := paging.Cut(list, []int64{3, 2}, 2, id); next != "" || !slices.Equal(page, []int64{3, 2}) {
		t.Errorf("a last page: got %v, %q", page, next)
	}
	page, next := paging.Cut(list, []int64{3, 2, 1}, 2, id)
	if next != list.Cursor(2) || !slices.Equal(page, []int64{3, 2}) {
		t.Errorf("a page with more behind: got %v, %q", page, next)
	}
}

func FuzzBefore(f *testing.F) {
	list := paging.List{Kind: 'a', Key: 42}
	f.Add(list.Cursor(7))
	f.Add(paging.List{Kind: 'b', Key: 42}.Cursor(7))
	f.Add("")
	f.Add("AWEAAAAA\nAAAACoAAAAAAAAABw")
	f.Fuzz(func(t *testing.T, cursor string) {
		last, err := list.Before(cursor)
		if err != nil {
			if status.Code(err) != codes.InvalidArgument {
				t.Errorf("got %v, want InvalidArgument", err)
			}
			return
		}
		if last <= 0 || cursor != "" && list.Cursor(last) != cursor {
			t.Errorf("took %q for %d, whose cursor is %q", cursor, last, list.Cursor(last))
		}
	})
}
