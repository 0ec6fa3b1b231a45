// Package chirptext is Chirp's one rule for what people write: how long it is
// and what it may hold. Services check with it, and the site counts with it.
//
//	text, err := chirptext.Check(chirptext.Post, typed)
//	if err != nil {
//		return err // says what is wrong, in words for whoever typed
//	}
//	left := chirptext.Post.Max() - chirptext.Count(text)
//
// A character is what a reader takes for one: an extended grapheme cluster of
// UAX #29, of at most 32 bytes in UTF-8.
package chirptext

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

// maxCharacterBytes bounds one character, so that a tower of accents is not one.
const maxCharacterBytes = 32

// maxLineBreaks is how many line breaks a post may hold.
const maxLineBreaks = 10

// Kind is a field that somebody writes into.
type Kind int

const (
	// Post is a message: 1 to 141 characters, with line breaks.
	Post Kind = iota
	// DisplayName is what an account shows for its name: up to 50 characters, on one line.
	DisplayName
	// Bio is what an account tells of itself: up to 160 characters, on one line.
	Bio
)

// Max is the most characters a text of this kind may have.
func (k Kind) Max() int {
	switch k {
	case DisplayName:
		return 50
	case Bio:
		return 160
	case Post:
	}
	return 141
}

// String names the field for messages.
func (k Kind) String() string {
	switch k {
	case DisplayName:
		return "display name"
	case Bio:
		return "bio"
	case Post:
	}
	return "post"
}

func (k Kind) lineBreaks() int {
	if k == Post {
		return maxLineBreaks
	}
	return 0
}

// Count tells how many characters Check would count in text, valid or not.
func Count(text string) int { return uniseg.GraphemeClusterCount(normalise(text)) }

// Check gives the text as it is to be kept: line breaks as \n, composed (NFC), and
// without white space around it. Checking that again changes nothing. The error
// tells the writer what is wrong; only a post may not be blank.
func Check(k Kind, text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", fmt.Errorf("this %s is not valid UTF-8", k)
	}
	// Bounds the work for what cannot pass. Composing shortens a text to a third at
	// most, so this refuses nothing else but huge amounts of white space.
	if len(text) > 4*k.Max()*maxCharacterBytes {
		return "", fmt.Errorf("this %s is too long: at most %d characters fit", k, k.Max())
	}
	text = normalise(text)
	if err := checkRunes(k, text); err != nil {
		return "", err
	}
	if err := checkLength(k, text); err != nil {
		return "", err
	}
	if blank(text) {
		if k == Post {
			return "", errors.New("a post cannot be blank: write something")
		}
		return "", nil
	}
	return text, nil
}

func normalise(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(text)
	return strings.TrimSpace(norm.NFC.String(text))
}

func checkRunes(k Kind, text string) error {
	breaks := 0
	for _, r := range text {
		switch {
		case r == '\n' && k.lineBreaks() > 0:
			breaks++
		case unicode.IsControl(r), unicode.Is(unicode.Noncharacter_Code_Point, r):
			return fmt.Errorf("this %s holds the control character %U: remove it", k, r)
		case directional(r):
			return fmt.Errorf("this %s holds %U, which changes the direction of what follows: remove it", k, r)
		}
	}
	if breaks > k.lineBreaks() {
		return fmt.Errorf("this %s has %d line breaks: at most %d are allowed", k, breaks, k.lineBreaks())
	}
	return nil
}

// directional is true of the embeddings, overrides and isolates of UAX #9, with
// which a text can disguise itself and what stands after it. The plain marks
// (LRM, RLM, ALM) are harmless and needed.
func directional(r rune) bool {
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

func checkLength(k Kind, text string) error {
	count := 0
	for rest, state := text, -1; rest != ""; count++ {
		var character string
		character, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if len(character) > maxCharacterBytes {
			return fmt.Errorf("character %d of this %s has too many marks: one character may take at most %d bytes",
				count+1, k, maxCharacterBytes)
		}
	}
	if count > k.Max() {
		return fmt.Errorf("this %s has %d characters: at most %d fit", k, count, k.Max())
	}
	return nil
}

// blank is true if no rune leaves a mark on the page by itself.
func blank(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		const brailleBlank = 0x2800
		return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.In(r, unicode.Mn, unicode.Me) &&
			!unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) && r != brailleBlank
	})
}
