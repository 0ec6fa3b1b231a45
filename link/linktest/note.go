package linktest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/link"
)

// note keeps something seen under a heading, to be compared with the other side.
func (s *side) note(heading string, seen ...any) {
	s.record.note(heading, shorten(strings.TrimSuffix(fmt.Sprintln(seen...), "\n")))
}

// message notes the whole of a message, unknown fields included.
func (s *side) message(heading string, m proto.Message) { s.note(heading, describe(m)) }

// metadata notes all but what transports add.
func (s *side) metadata(heading string, md metadata.MD) {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(md)) {
		if !slices.Contains(ignored(), key) {
			lines = append(lines, fmt.Sprintf("%s=%q", key, md[key]))
		}
	}
	s.note(heading, strings.Join(lines, " "))
}

// status notes code, message and details: for errors that a handler made.
func (s *side) status(heading string, err error) {
	st, ok := status.FromError(err)
	switch {
	case errors.Is(err, io.EOF):
		s.note(heading, "EOF")
	case !ok:
		s.note(heading, "not a status:", err)
	default:
		s.note(heading, fmt.Sprintf("%s %q", st.Code(), st.Message()))
		for _, d := range st.Proto().GetDetails() {
			s.message(heading, d)
		}
	}
}

// code notes only the code: for errors that a transport made, in its own words.
func (s *side) code(heading string, err error) { s.note(heading, codeOf(err)) }

// ran notes what link.Ran says. The oracle's errors carry no outcome, so that on
// its side the right one is noted.
func (s *side) ran(heading string, err error, right link.Outcome) {
	if s.oracle {
		s.note(heading, codeOf(err), right)
		return
	}
	s.note(heading, codeOf(err), link.Ran(err))
}

// expectCode fails the case where no oracle can be asked.
func (s *side) expectCode(what string, err error, want codes.Code) {
	if status.Code(err) != want {
		s.failf("%s: got %v, want %s", what, err, want)
	}
}

func codeOf(err error) string {
	if errors.Is(err, io.EOF) {
		return "EOF"
	}
	if _, ok := status.FromError(err); !ok {
		return "not a status: " + err.Error()
	}
	return status.Code(err).String()
}

func describe(m proto.Message) string {
	return prototext.MarshalOptions{EmitUnknown: true, AllowPartial: true}.Format(m)
}

// shorten keeps notes readable: of a long one its length, digest and beginning.
func shorten(text string) string {
	const most = 1000
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%d bytes, sha256 %x, %q...", len(text), sha256.Sum256([]byte(text)), text[:80])
}
