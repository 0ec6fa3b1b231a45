package web

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rivo/uniseg"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
)

// person is an account as pages show it.
type person struct {
	ID    int64
	Name  string // empty if it could not be asked
	Shown string
	Bio   string
	Since time.Time
}

func known(p *accountsv1.Profile) person {
	shown := p.GetDisplayName()
	if strings.TrimSpace(shown) == "" {
		shown = p.GetName()
	}
	return person{
		ID: p.GetId(), Name: p.GetName(), Shown: shown, Bio: p.GetBio(), Since: p.GetJoinedAt().AsTime(),
	}
}

// somebody stands in for an account that could not be asked about.
func somebody(id int64) person { return person{ID: id, Shown: "somebody"} }

// Address of the profile; empty for somebody.
func (p person) Address() string {
	if p.Name == "" {
		return ""
	}
	return "/@" + p.Name
}

// Letter stands in for a picture.
func (p person) Letter() string {
	if p.Name == "" {
		return "?"
	}
	for _, r := range p.Shown {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return strings.ToUpper(string(r))
		}
	}
	shown := uniseg.NewGraphemes(p.Shown)
	shown.Next()
	return shown.Str()
}

// hues is how many colours of avatars the style sheet has.
const hues = 10

// Hue is the class of the avatar's colour: the same for good, by id.
func (p person) Hue() string { return "hue-" + strconv.FormatInt(max(p.ID%hues, 0), 10) }

// Joined is the month, in words.
func (p person) Joined() string { return p.Since.Format("January 2006") }
