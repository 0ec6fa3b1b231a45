package plan

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxFile  = 1 << 20 // bytes; a plan of a thousand services has a tenth of it
	maxDepth = 32      // brackets within brackets; bounds the parser's stack
	maxKeys  = 10_000  // the parser's time grows with the square of the keys; these take a third of a second
)

// parseYAML gives the root of a plan file, or nil and the mistake. Before the
// parser proper sees it, the text is held to a subset of YAML that cannot blow up:
// no anchors and aliases, no tags, no deep nesting.
func (r *reader) parseYAML(text []byte) (root ast.Node) {
	whole := Position{File: r.file, Line: 1, Column: 1}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if len(text) > maxFile {
		r.add(whole, fmt.Sprintf("the file is larger than %d bytes", maxFile), r.rightFile())
		return nil
	}
	if at, ok := firstBadByte(text); ok {
		at.File = r.file
		r.add(at, "this is not UTF-8 text", "save the file as UTF-8, without control characters")
		return nil
	}
	// The parser is not ours and the text is anybody's: should the one stumble
	// over the other, that is the text's mistake.
	defer func() {
		if recover() != nil {
			root = nil
			r.notYAML(whole)
		}
	}()
	tokens := lexer.Tokenize(string(text))
	if !r.tame(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		if r.document {
			return nil // what it lacks, its owner knows
		}
		r.add(whole, "the plan is empty", `it begins with "version: 1" and "app: NAME"`)
		return nil
	}
	for _, more := range file.Docs[1:] {
		if more.Body != nil { // it follows an end mark, "..."
			r.add(r.place(more.Body), "a second document begins here", r.onlyOne())
		}
	}
	return file.Docs[0].Body
}

func (r *reader) syntax(err error) {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil {
		r.notYAML(Position{File: r.file, Line: 1, Column: 1})
		return
	}
	what, _, _ := strings.Cut(e.GetMessage(), "\n")
	hint := "check the indentation, quotes and brackets here and on the line before"
	switch {
	case strings.Contains(what, "\t"):
		what, hint = "a tab stands where it may not", "indent with spaces"
	case strings.Contains(what, "must be specified"):
		hint = "check the brackets here and on the line before, and put values that have some in quotes"
	}
	r.add(r.at(e.GetToken()), "this is not YAML: "+what, hint)
}

func (r *reader) notYAML(at Position) {
	r.add(at, "this is not YAML", "compare it with the example in the documentation of "+r.kind()+"s")
}

func (r *reader) rightFile() string {
	return "a " + r.kind() + " is a short text: is it the right file?"
}

func (r *reader) onlyOne() string { return fmt.Sprintf("a %s file holds one %[1]s", r.kind()) }

// tame refuses what a plan has no use for and an attacker has.
func (r *reader) tame(tokens token.Tokens) bool {
	var d depth
	keys, begun := 0, false
	for _, t := range tokens {
		what, hint := "", r.rightFile()
		switch {
		case oddity(t.Type) != "":
			what, hint = "a "+r.kind()+" has no "+oddity(t.Type), "write the value out, or quote it if it is text"
		case t.Type == token.DocumentHeaderType && begun:
			what, hint = "a second document begins here", r.onlyOne()
		case t.Type == token.MappingValueType && keys == maxKeys:
			what = fmt.Sprintf("the file has more than %d keys", maxKeys)
		case d.after(t) > maxDepth:
			what = fmt.Sprintf("this is nested more than %d deep", maxDepth)
			hint = "a " + r.kind() + " is flat: look for a stray bracket or dash"
		}
		if what != "" {
			r.add(r.at(t), what, hint)
			return false
		}
		if t.Type == token.MappingValueType {
			keys++
		}
		begun = begun || t.Type != token.CommentType
	}
	return true
}

// depth bounds how deep the parser goes. Brackets nest wherever they are; dashes
// and keys nest within a line, and over lines only by indentation, of which a
// file of bounded size has little.
type depth struct{ brackets, inLine, line int }

func (d *depth) after(t *token.Token) int {
	if t.Position.Line != d.line || t.Type == token.CollectEntryType {
		d.line, d.inLine = t.Position.Line, 0
	}
	switch t.Type { //nolint:exhaustive // the others do not nest
	case token.SequenceStartType, token.MappingStartType:
		d.brackets++
	case token.SequenceEndType, token.MappingEndType:
		d.brackets--
	case token.SequenceEntryType, token.MappingValueType:
		d.inLine++
	}
	return d.brackets + d.inLine
}

// oddity names what YAML has and plans have not; "" for all else.
func oddity(t token.Type) string {
	switch t { //nolint:exhaustive // the others are welcome
	case token.AnchorType:
		return "anchors (&name)"
	case token.AliasType:
		return "aliases (*name)"
	case token.MergeKeyType:
		return "merge keys (<<)"
	case token.TagType:
		return "tags (!name)"
	case token.DirectiveType:
		return "directives (%NAME)"
	case token.MappingKeyType:
		return `keys with "?"`
	}
	return ""
}

func (r *reader) at(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return Position{File: r.file}
	}
	return Position{File: r.file, Line: t.Position.Line, Column: t.Position.Column}
}

// firstBadByte finds what is no UTF-8, and control characters that YAML forbids.
func firstBadByte(text []byte) (at Position, found bool) {
	line, column := 1, 1
	for len(text) > 0 {
		c, size := utf8.DecodeRune(text)
		if (c == utf8.RuneError && size == 1) || (c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f {
			return Position{Line: line, Column: column}, true
		}
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
		text = text[size:]
	}
	return Position{}, false
}
