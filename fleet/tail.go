package fleet

import "strings"

// How much of a log an error quotes.
const (
	tailLines = 10
	tailWidth = 300 // bytes of a line
)

// tail is the end of a process's log.
type tail []string

func (t *tail) add(line []byte) {
	if len(line) > tailWidth {
		line = line[:tailWidth]
	}
	*t = append(*t, strings.ToValidUTF8(string(line), "?"))
	if len(*t) > tailLines {
		*t = (*t)[1:]
	}
}

// quote gives the lines as the end of an error's text.
func (t *tail) quote() string {
	if len(*t) == 0 {
		return "; it logged nothing"
	}
	return "; its last lines:\n\t" + strings.Join(*t, "\n\t")
}
