package accounts

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// maxTyped bounds the bytes of a name before it is normalised, which can make it
// shorter (full-width letters) and longer.
const maxTyped = 256

var legalName = regexp.MustCompile(`^[a-z][a-z0-9_]{2,19}$`)

var errName = errors.New("a name has 3 to 20 of the letters a to z, digits and _, and begins with a letter")

// normaliseName gives the one spelling of a name, or errName. Compatible forms
// (NFKC: full-width, superscript, ligatures) and capitals are the same name.
func normaliseName(typed string) (string, error) {
	if len(typed) > maxTyped {
		return "", errName
	}
	name := strings.ToLower(norm.NFKC.String(typed))
	if !legalName.MatchString(name) {
		return "", errName
	}
	return name, nil
}

// newName is normaliseName for a name to be taken.
func newName(typed string) (string, error) {
	name, err := normaliseName(typed)
	if err != nil {
		return "", err
	}
	if reserved(name) {
		return "", fmt.Errorf("the name %s is reserved: choose another", name)
	}
	return name, nil
}

// skeleton is the same for all names that readers could mistake for each other.
// The wide letters are taken apart rather than pairs put together, so that the
// order in "vvv" does not matter.
func skeleton(name string) string {
	return strings.NewReplacer("_", "", "0", "o", "1", "l", "i", "l", "m", "rn", "w", "vv").Replace(name)
}

// reserved is true of names that would speak for the site or hide its pages, and
// of what looks like them.
func reserved(name string) bool {
	same := skeleton(name)
	return slices.ContainsFunc(strings.Fields(reservedNames), func(r string) bool { return skeleton(r) == same })
}

const reservedNames = `
	about abuse account accounts admin administrator api app assets auth blog bot chirp contact debug email
	everybody everyone explore favicon feed follow followers following follows healthz help home hostmaster
	info kerf legal live log_in log_out login logout mail messages metrics mod moderator nobody notifications
	notify null official owner post postmaster posts privacy profile profiles public readyz register rename
	robots root rss search security session sessions settings sign_in sign_out sign_up signin signout signup
	sitemap staff static status stream support sysadmin system team terms timeline trends undefined unfollow
	user users web webmaster well_known www`
