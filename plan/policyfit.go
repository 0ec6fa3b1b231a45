package plan

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/policy"
)

// checkBounds refuses policies that contradict themselves, whatever they are for.
func (m *mistakes) checkBounds(said *filePolicy) {
	if retry := said.retry; retry.v != nil {
		if first, longest, _ := retry.v.Pauses(); first > longest {
			m.add(retry.at,
				fmt.Sprintf("the first pause of retry is up to %v, and the longest of all is %v", first, longest),
				fmt.Sprintf("write a backoff of at most %v, or most: %v", longest, first))
		}
	}
	if admission := said.admission; admission.v != nil && admission.v.Most > 0 {
		if least, _ := admission.v.Bounds(); least > admission.v.Most {
			m.add(admission.at,
				fmt.Sprintf("the limit of admission is at least %d, and at most %d", least, admission.v.Most),
				fmt.Sprintf("write least: %[1]d, or less, or a most of at least %[2]d", admission.v.Most, least))
		}
	}
	if bulkhead := said.bulkhead; bulkhead.v != nil && bulkhead.v.Queue < 0 && bulkhead.v.Wait > 0 {
		m.add(bulkhead.at, "bulkhead has a wait, and without a queue nobody waits", "leave out wait, or queue: off")
	}
	if breaker := said.breaker; breaker.v != nil && breaker.v.Window > 0 && breaker.v.Window < shortest {
		m.add(breaker.at, fmt.Sprintf("a breaker that looks back for %v hardly ever sees calls", breaker.v.Window),
			fmt.Sprintf("write a window of at least %v, or off, which looks at the last calls", shortest))
	}
	m.checkReplicas(said.balance)
}

// shortest is the least time in which something can be noticed between processes.
const shortest = 10 * time.Millisecond

func (m *mistakes) checkReplicas(said placed[*balance.Options]) {
	if said.v == nil {
		return
	}
	o := *said.v
	if o.HealthEvery < 0 && o.Silence > 0 {
		m.add(said.at, "balance has a silence, and without health checks nobody notices it",
			"leave out silence, or health: off")
	}
	if o.Ejection < 0 && (o.Failures > 0 || o.MostEjected > 0) {
		m.add(said.at, "balance has failures, or a most, and without ejection nobody is ejected for them",
			"leave them out, or ejection: off")
	}
	if o.HealthEvery > 0 && o.HealthEvery < shortest {
		m.add(said.at, fmt.Sprintf("health checks every %v leave replicas no time for calls", o.HealthEvery),
			fmt.Sprintf("write a health of at least %v", shortest))
	}
	if o.Silence > 0 && o.Silence < shortest {
		m.add(said.at, fmt.Sprintf("a silence of %v takes replicas for dead that are alive", o.Silence),
			fmt.Sprintf("write one of at least %v", shortest))
	}
}

// fitTimes refuses what takes longer than the caller waits. Pauses, which are drawn, count
// with the most that they can be, as attempts do, so that what a plan says always fits.
func (s *settling) fitTimes(p *methodPolicy) {
	if p.deadline == 0 {
		return
	}
	wait, less := p.deadline, ""
	if s.Fallback != nil && s.Fallback.Method != "" {
		wait = s.Fallback.First(wait)
		less = fmt.Sprintf(", less %v for the fallback", p.deadline-wait)
	}
	callers := func() string {
		return fmt.Sprintf("callers of %s wait no longer than %v%s", s.method.Name, p.deadline, less)
	}
	if from, said := s.origins["bulkhead"]; said && s.Bulkhead != nil {
		place := s.Bulkhead.LongestWait()
		if place >= wait {
			s.misfit(from.at, "bulkhead", wait,
				fmt.Sprintf("calls wait up to %v for a place, and %s", place, callers()),
				fmt.Sprintf("write a wait below %v, queue: off, or a longer deadline", wait))
		} else if place > 0 {
			wait -= place
			less += fmt.Sprintf(", less %v for a place (line %d)", place, from.at.Line)
		}
	}
	s.fitHedge(wait, callers())
	if from, said := s.origins[retryPolicy]; said && s.Retry != nil {
		s.fitRetry(from.at, wait, callers())
	}
}

// fitHedge refuses a second call that comes after the end: of the attempt within which both are
// made, or of the caller's patience.
func (s *settling) fitHedge(wait time.Duration, callers string) {
	if s.Hedge == nil {
		return
	}
	ends, longer := callers, "deadline"
	if s.Retry != nil && s.Retry.Timeout > 0 && s.Retry.Timeout < wait {
		wait = s.Retry.Timeout
		ends = fmt.Sprintf(
			"an attempt at %s, within which both are made, ends after %v (the timeout of retry, line %d)",
			s.method.Name, wait, s.origins[retryPolicy].at.Line)
		longer = "timeout of retry"
	}
	if s.Hedge.After >= wait {
		s.misfit(s.origins[hedgePolicy].at, hedgePolicy, wait,
			fmt.Sprintf("the second call is made after %v, and %s", s.Hedge.After, ends),
			fmt.Sprintf("write an after below %v, or a longer %s", wait, longer))
	}
}

// fitRetry refuses attempts of which callers that wait so long do not see the last, or the second.
func (s *settling) fitRetry(at Position, wait time.Duration, callers string) {
	first, _, pauses := s.Retry.Pauses()
	attempts := cmp.Or(s.Retry.Attempts, policy.DefaultAttempts)
	bounded := s.Idempotent && s.Retry.Timeout > 0
	all := time.Duration(attempts)*s.Retry.Timeout + pauses
	switch {
	case attempts > 1 && first >= wait:
		s.misfit(at, retryPolicy, wait,
			fmt.Sprintf("the first pause of retry is up to %v, and %s", first, callers),
			fmt.Sprintf("write a backoff below %v, or a longer deadline", wait))
	case bounded && all > wait && pauses >= wait:
		s.misfit(at, retryPolicy, wait,
			fmt.Sprintf("the pauses between %d attempts take up to %v, and %s", attempts, pauses, callers),
			"write a shorter backoff, fewer attempts, or a longer deadline")
	case bounded && attempts == 1 && all > wait:
		s.misfit(at, retryPolicy, wait, fmt.Sprintf("the one attempt takes up to %v, and %s", all, callers),
			fmt.Sprintf("write a timeout of at most %v, or a longer deadline", wait))
	case bounded && all > wait:
		s.misfit(at, retryPolicy, wait,
			fmt.Sprintf("%d attempts of %v, with pauses, take up to %v, and %s",
				attempts, s.Retry.Timeout, all, callers),
			fmt.Sprintf("write a timeout of at most %v, fewer attempts, or a longer deadline",
				((wait-pauses)/time.Duration(attempts)).Truncate(time.Millisecond)))
	}
}

// fitFallback refuses answers that cannot be.
func (s *settling) fitFallback() {
	f := s.Fallback
	if f == nil {
		return
	}
	at := s.origins[fallbackPolicy].at
	ways := 0
	for _, given := range []bool{f.Last, f.Method != "", f.Answer != nil} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		s.add(at, fmt.Sprintf("the fallback has %d answers", ways), "write one of last: true, method: or answer:")
		return
	}
	if f.Answer != nil {
		s.fitAnswer(f.Answer, at)
	}
	if f.Method == "" {
		return
	}
	f.Method = strings.TrimPrefix(f.Method, "/")
	owner, other, ok := s.model.method(f.Method)
	switch {
	case !ok:
		s.add(at, "the app has no method "+quote(f.Method), s.suggestMethod(f.Method))
	case f.Method == s.method.Name:
		s.add(at, f.Method+" cannot answer for itself", "name another method, or write retry to call it again")
	case owner != s.owner || other.streams() || other.Input != s.method.Input || other.Output != s.method.Output:
		s.misfit(at, "method", 0, fmt.Sprintf("%s cannot answer for %s", f.Method, s.method.Name),
			"name a unary method of the same service that takes and gives the same messages")
	}
	f.Method = "/" + f.Method
}

// fitLast takes the last answer away from a method that may change something, and warns of that
// where the entry is for others too.
func (s *settling) fitLast() {
	if s.Fallback == nil || !s.Fallback.Last || s.method.ReadOnly {
		return
	}
	if from := s.origins[fallbackPolicy]; from.entry.rank != rankMethod {
		s.note(misfit{
			at: from.at, kind: "last", warns: true,
			what: s.method.Name + " is not " + effects + ", and does without this fallback",
			hint: markToHedge + "write fallback under methods that are",
		})
	}
	without(s, fallbackPolicy, &s.Fallback,
		"is not "+effects+": whoever got its last answer would take for done what was not", markToHedge)
}

// fitAnswer refuses an answer that is none of the method.
func (s *settling) fitAnswer(answer []byte, at Position) {
	if s.method.Output == nil {
		return
	}
	err := protojson.Unmarshal(answer, dynamicpb.NewMessage(s.method.Output))
	if err == nil {
		return
	}
	why := err.Error()
	if _, rest, placed := strings.Cut(why, "): "); placed { // a place in the JSON, which nobody has seen
		why = rest
	}
	s.misfit(at, "answer", 0, fmt.Sprintf("the answer of the fallback is no %s, which %s gives: %s",
		s.method.Output.FullName(), s.method.Name, why), "write its fields as protobuf's JSON has them")
}
