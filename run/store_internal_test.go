package run

import "testing"

func TestWordsForAShellAreQuotedWhereTheyMustBe(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"/var/lib/a-b_1.2": "/var/lib/a-b_1.2",
		"größe":            "größe",
		"my data":          "'my data'",
		"ann's":            `'ann'\''s'`,
		`"$(a)"`:           `'"$(a)"'`,
		"~":                "'~'",
		"":                 "''",
	} {
		if got := shellWord(word); got != want {
			t.Errorf("%s: got %s, want %s", word, got, want)
		}
	}
}
