package gateway_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// section is a configuration of a page, with what is asked of it.
type section struct {
	line      int    // of the page
	mark      string // reload: it takes the place of the one before; wrong: it is refused; else empty
	config    string
	said      []string // of one that is refused: lines of the mistake
	exchanges []exchange
}

// exchange is a request with its answer, as lines.
type exchange []string

// other languages of blocks are for people. A block of any that has a name is a file.
var others = []string{"json", "css", "html", "nginx", "proto", "text", "javascript", "go"}

var opening = regexp.MustCompile("^```([a-z]+)(?: ([a-zA-Z0-9./-]+))?$")

// readPage takes a page apart. Each yaml block is a configuration that is carried out, a file, or
// marked: fragment if it is a part of a configuration or of a plan, acme if acme_test.go has it.
func readPage(page string) (sections []*section, files map[string]string, err error) {
	files = make(map[string]string)
	last := func() *section {
		if len(sections) == 0 {
			return new(section)
		}
		return sections[len(sections)-1]
	}
	lines := strings.Split(page, "\n")
	for i := 0; i < len(lines); i++ {
		if !strings.HasPrefix(strings.TrimSpace(lines[i]), "```") {
			continue
		}
		line, of := i+1, opening.FindStringSubmatch(lines[i])
		length := slices.Index(lines[i+1:], "```")
		if of == nil || length < 0 {
			return nil, nil, fmt.Errorf("line %d: %q begins no block that is known", line, lines[i])
		}
		text := strings.Join(lines[i+1:i+1+length], "\n") + "\n"
		i += length + 1
		switch language, mark := of[1], of[2]; {
		case strings.ContainsAny(mark, "./"):
			files[mark] = text
		case language == "yaml" && slices.Contains([]string{"", "reload", "wrong"}, mark):
			sections = append(sections, &section{line: line, mark: mark, config: text})
		case language == "yaml" && (mark == "fragment" || mark == "acme"):
		case language == "http" && mark == "" && len(sections) > 0:
			for one := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
				last().exchanges = append(last().exchanges, strings.Split(strings.TrimSpace(one), "\n"))
			}
		case language == "text" && last().mark == "wrong":
			last().said = strings.Split(strings.TrimSpace(text), "\n")
		case slices.Contains(others, language) && mark == "":
		default:
			return nil, nil, fmt.Errorf("line %d: %q: nothing is known of such a block", line, of[0])
		}
	}
	return sections, files, checkSections(sections)
}

func checkSections(sections []*section) error {
	if len(sections) == 0 {
		return errors.New("the page has no configuration")
	}
	for i, s := range sections {
		switch {
		case s.mark == "wrong" && len(s.said) == 0:
			return fmt.Errorf("line %d: a text block tells what is said of a wrong configuration", s.line)
		case s.mark == "reload" && (i == 0 || sections[0].mark != ""):
			return fmt.Errorf("line %d: there is nothing to reload", s.line)
		case s.mark != "wrong" && len(s.exchanges) == 0:
			return fmt.Errorf("line %d: nothing is asked of the configuration: give it an http block, "+
				"or mark it as a fragment", s.line)
		case s.mark != "wrong" && !strings.Contains(s.config, "listen:"):
			return fmt.Errorf("line %d: the configuration does not say where to listen", s.line)
		}
	}
	return nil
}

func TestBlocksThatNobodyCarriesOutAreRefused(t *testing.T) {
	t.Parallel()
	const whole = "```yaml\nlisten: [{address: 127.0.0.1:8080}]\nroutes: [{answer: {body: hello}}]\n```\n"
	const asked = "```http\nGET /\n-> 200 hello\n```\n"
	for page, want := range map[string]string{
		whole + asked: "",
		whole + asked + "```yaml fragment\ncache: {}\n```\n": "",
		"no block at all":                    "no configuration",
		whole:                                "line 1: nothing is asked",
		whole + asked + "\n" + whole:         "line 10: nothing is asked",
		"```yaml\nroutes: []\n```\n" + asked: "where to listen",
		whole + asked + "```yml\nroutes: []\n```\n":        "nothing is known",
		whole + asked + "```yaml part\nroutes: []\n```\n":  "nothing is known",
		whole + asked + "```\nroutes: []\n```\n":           "begins no block",
		whole + asked + "  ```yaml\n  routes: []\n  ```\n": "begins no block",
		whole + asked + "```yaml\nroutes: []\n":            "begins no block",
		asked + whole:                                      "nothing is known",
		"```yaml wrong\nroutes: []\n```\n":                 "what is said",
		"```yaml reload\nlisten: []\n```\n" + asked:        "nothing to reload",
	} {
		_, _, err := readPage(page)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s\n%v, and not %q", page, err, want)
		}
	}
}
