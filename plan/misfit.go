package plan

import (
	"fmt"
	"slices"
	"time"
)

// misfit is a mistake that an entry of policies makes with one or more of its methods, and that
// is told once.
type misfit struct {
	at         Position
	kind       string        // a place may have one of each
	room       time.Duration // what the method leaves to the policy; 0: it is not about time
	what, hint string
	warns      bool // the plan works all the same
	more       int  // further methods of which the same is true
}

// misfit notes that what is said at a place does not fit the method. Of several methods the one
// that leaves the least room is told of: what fits it fits the others.
func (s *settling) misfit(at Position, kind string, room time.Duration, what, hint string) {
	s.note(misfit{at: at, kind: kind, room: room, what: what, hint: hint})
}

func (r *resolver) note(m misfit) {
	i := slices.IndexFunc(r.misfits, func(o misfit) bool { return o.at == m.at && o.kind == m.kind })
	if i < 0 {
		r.misfits = append(r.misfits, m)
		return
	}
	known := &r.misfits[i]
	m.more = known.more + 1
	if m.room >= known.room {
		m.what, m.hint, m.room = known.what, known.hint, known.room
	}
	*known = m
}

// tellMisfits adds them to the mistakes once all methods are settled.
func (r *resolver) tellMisfits() {
	for _, m := range r.misfits {
		switch {
		case m.more == 1:
			m.what += " (likewise for 1 more method)"
		case m.more > 1:
			m.what += fmt.Sprintf(" (likewise for %d more methods)", m.more)
		}
		if m.warns {
			r.warn(m.at, m.what, m.hint)
			continue
		}
		r.add(m.at, m.what, m.hint)
	}
}
