package natslink

import (
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link/call/frame"
)

// maxCalls is how many calls of a server may run at once.
const maxCalls = 1 << 16

// read looks at what arrives, and never waits.
func (s *server) read() {
	for {
		select {
		case m := <-s.arrived:
			s.take(m)
		case <-s.lost:
			return
		}
	}
}

func (s *server) take(m *nats.Msg) {
	switch {
	case m == nil:
		if len(s.calls.Close()) == 0 {
			s.rest()
		}
	case m.Subject == s.subject, m.Subject == s.instance:
		s.request(m)
	case strings.HasPrefix(m.Subject, s.instance):
		s.further(m.Subject[len(s.instance)+1:], m)
	default:
		s.general(m)
	}
}

func (s *server) rest() { s.resting.Do(func() { close(s.idle) }) }

// request takes in a packet with which a call may begin.
func (s *server) request(m *nats.Msg) {
	if m.Reply == "" {
		return // nobody could be answered
	}
	number, frames, err := parsePacket(m.Data)
	if err != nil {
		s.refuse(m.Reply, refusal(err))
		return
	}
	if number == 0 {
		_, _ = split(frames, false, func(f frame.Frame) error { return s.answer(m.Reply, f) })
		return
	}
	if _, twice := s.calls.Get(m.Reply); twice {
		return
	}
	if s.calls.Count() >= maxCalls {
		s.refuse(m.Reply, status.Newf(codes.ResourceExhausted, "more than %d calls at once", maxCalls))
		return
	}
	opened := &serverCall{server: s, reply: m.Reply}
	if !s.calls.Add(m.Reply, opened) {
		s.refuse(m.Reply, status.Newf(codes.Unavailable, "the server of %s is stopping", s.subject))
		return
	}
	opened.begin(number, frames)
}

func (s *server) answer(reply string, f frame.Frame) error {
	if f.Kind != frame.Ping {
		return nil
	}
	n, err := frame.Number(f)
	if err == nil {
		err = publish(s.broker, reply, "", 0, frame.AppendNumber(nil, frame.Pong, n))
	}
	return err
}

// further takes in a packet for a call of this server.
func (s *server) further(key string, m *nats.Msg) {
	if running, ok := s.calls.Get(key); ok {
		running.take(m)
		return
	}
	if number, frames, err := parsePacket(m.Data); err == nil && number == 0 && m.Reply != "" {
		_, _ = split(frames, false, func(f frame.Frame) error {
			if f.Kind == frame.Ping { // whoever asks has missed the end
				s.goAway(m.Reply)
			}
			return nil
		})
	}
}

// general takes in what all servers are told: that a call has no caller any more, or
// all calls of a conn, or that there is a queue now.
func (s *server) general(m *nats.Msg) {
	number, frames, err := parsePacket(m.Data)
	if err != nil || number != 0 {
		return
	}
	_, _ = split(frames, false, func(f frame.Frame) error {
		switch f.Kind { //nolint:exhaustive // others are for no server
		case frame.Cancel:
			if running, ok := s.calls.Get(m.Reply); ok {
				running.cancel()
			}
		case frame.Ping:
			s.worker.look()
		case frame.GoAway:
			s.forsake(m.Reply)
		}
		return nil
	})
}

// forsake ends the calls whose reply subjects begin so; all do with nothing, which is no caller's.
func (s *server) forsake(callers string) {
	if callers == "" {
		return
	}
	for _, running := range s.calls.All() {
		if strings.HasPrefix(running.reply, callers) {
			running.cancel()
		}
	}
}

// goAway tells a caller that its call is given up, or was.
func (s *server) goAway(reply string) {
	_ = publish(s.broker, reply, "", 0, frame.Append(nil, frame.Frame{Kind: frame.GoAway}))
}

func (s *server) refuse(reply string, why *status.Status) {
	_ = publish(s.broker, reply, "", 1, frame.AppendRefusal(nil, 0, why))
}

// beat looks after the calls until the server ends.
func (s *server) beat() {
	ticker := time.NewTicker(s.every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-s.lost:
			return
		}
		for _, running := range s.calls.All() {
			running.look()
		}
	}
}
