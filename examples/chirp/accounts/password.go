package accounts

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of a password in bytes, once composed. NIST SP 800-63B asks for at least
// 8 characters and to allow 64 or more.
const (
	minPassword = 8
	maxPassword = 1024
)

var (
	errPasswordBytes  = errors.New("the password is not valid UTF-8")
	errPasswordShort  = fmt.Errorf("the password is too short: use at least %d characters", minPassword)
	errPasswordLong   = fmt.Errorf("the password is too long: use at most %d bytes", maxPassword)
	errPasswordName   = errors.New("the password is the name: choose another")
	errPasswordCommon = errors.New("the password is one of the first that anybody would try: choose another")
)

// Passwords that attackers try first and that are long enough to be chosen here.
//
//go:embed common_passwords.txt
var commonPasswords string

// composePassword gives the bytes to hash: the same for every keyboard that
// types the same text (NFC, as RFC 8265 has it).
func composePassword(password string) (string, error) {
	if len(password) > 4*maxPassword { // composing shortens to a third at most
		return "", errPasswordLong
	}
	if !utf8.ValidString(password) {
		return "", errPasswordBytes
	}
	composed := norm.NFC.String(password)
	if len(composed) > maxPassword {
		return "", errPasswordLong
	}
	return composed, nil
}

// newPassword is composePassword for a password to be set by the account of a name.
func newPassword(password, name string) (string, error) {
	composed, err := composePassword(password)
	if err != nil {
		return "", err
	}
	simple := strings.ToLower(norm.NFKC.String(composed))
	switch {
	case len(composed) < minPassword:
		return "", errPasswordShort
	case simple == name:
		return "", errPasswordName
	case oneCharacter(simple), slices.Contains(strings.Fields(commonPasswords), simple):
		return "", errPasswordCommon
	}
	return composed, nil
}

func oneCharacter(s string) bool {
	_, size := utf8.DecodeRuneInString(s)
	return strings.Count(s, s[:size])*size == len(s)
}
