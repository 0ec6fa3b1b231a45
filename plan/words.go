package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// wordLetters are the letters of environment variables; hosts have dots and dashes too.
const wordLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

// longest is how much of a user's text an error repeats, in characters.
const longest = 60

// quote repeats the user's text, on one line and not at length.
func quote(s string) string {
	return strconv.Quote(clip(s))
}

// listed joins names for an error: "a, b or c".
func listed(names []string) string { return joined(names, "or") }

func joined(names []string, word string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
}

// suggest says which of the names was probably meant, or lists them all.
func suggest(got string, names []string, kind string) string {
	if best, ok := nearest(got, names); ok {
		return fmt.Sprintf("did you mean %s?", best)
	}
	switch len(names) {
	case 0:
		return fmt.Sprintf("there is no %s at all", kind)
	case 1:
		return fmt.Sprintf("the only %s is %s", kind, names[0])
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return fmt.Sprintf("a %s is one of %s", kind, listed(sorted))
}

// nearest finds the name that is at most a third of its letters away.
func nearest(got string, names []string) (best string, ok bool) {
	if len(got) > 2*longest {
		return "", false
	}
	least := 0
	for _, name := range names {
		d := distance(strings.ToLower(got), strings.ToLower(name))
		if d <= max(len(name)/3, 1) && (!ok || d < least) {
			best, least, ok = name, d, true
		}
	}
	return best, ok
}

// distance is that of Levenshtein, with two swapped neighbours counted as one
// change (optimal string alignment).
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// clip shortens the user's text.
func clip(s string) string {
	if utf8.RuneCountInString(s) > longest {
		return string([]rune(s)[:longest]) + "..."
	}
	return s
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
