package plan

import (
	"fmt"
	"strings"

	"github.com/kerf-go/kerf/link"
)

const emptyAnswer = "google.protobuf.Empty"

// checkAnswer refuses a wait that ends before the answer, of a method that has one.
func (r *resolver) checkAnswer(m Method, wait placed[link.Wait]) {
	switch {
	case wait.v == link.Reply:
	case m.streams():
		r.add(wait.at, fmt.Sprintf("%s is a %s, and streams are never %s", m.Name, m.kind(), wait.v),
			"remove wait: it is for unary methods that answer "+emptyAnswer)
	case !m.AnswersEmpty:
		r.add(wait.at, fmt.Sprintf("%s has an answer, which nobody would get if it were %s", m.Name, wait.v),
			"write wait: reply; the others are for methods that answer "+emptyAnswer)
	}
}

// checkQueue refuses accepted where nothing keeps the request.
func (r *resolver) checkQueue(c Call) {
	rule := r.rules[c.Method]
	if c.Wait != link.Accepted || c.Link == "" {
		return
	}
	at := rule.wait.at
	if c.FromProcess == c.ToProcess {
		r.add(at, fmt.Sprintf("%s calls %s within process %s, where no queue could accept it",
			c.From, c.Method, c.FromProcess),
			fmt.Sprintf("run %s and %s in two processes, or write wait: reply or sent", c.From, c.To))
		return
	}
	if l, ok := r.model.link(c.Link); ok && !l.Durable {
		hint := "this app has no link with one: write wait: reply or sent"
		if able := r.durableLinks(); len(able) > 0 {
			hint = fmt.Sprintf("name a link that has one (%s) for this method, or write wait: reply or sent",
				strings.Join(able, ", "))
		}
		r.add(at, fmt.Sprintf("%s calls %s over the link %s, which has no durable queue to accept it",
			c.From, c.Method, c.Link), hint)
	}
}

func (r *resolver) durableLinks() []string {
	var names []string
	for _, l := range r.model.Links {
		if l.Durable {
			names = append(names, l.Scheme)
		}
	}
	return names
}
