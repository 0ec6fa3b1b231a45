package linktest

import "slices"

// An exception is a case where grpc-go falls short, or where the link's nature
// gives another right answer. The oracle is not asked; want is what holds instead.
type exception struct {
	row     string   // its name
	schemes []string // of the links that it is made for; nil for every link
	reason  string
	want    map[string][]string
}

func exceptions() []exception { return append(shortfalls(), natures()...) }

// shortfalls are those of grpc-go.
func shortfalls() []exception {
	good := []string{`OK ""`}
	return []exception{
		{
			row:    "a panic in a handler is Internal, logged with its stack, and harms no other call",
			reason: "grpc-go lets a panic end the process",
			want: map[string][]string{
				"call": {"Internal answered"}, "call beside": {"OK"},
				"text tells no inner matters": {"true"}, "logged with its stack": {"logged=true stack=true"},
			},
		},
		{
			row:    "a panic in the handler of a stream is Internal and harms no other call",
			reason: "grpc-go lets a panic end the process",
			want: map[string][]string{
				"good send": {"OK", "OK"}, "good receive": {"OK", "OK"}, "good end": {"EOF", "EOF"},
				"panic send": {"OK"}, "panic receive": {"OK"}, "panic end": {"Internal"},
			},
		},
		{
			row:    "a service registered twice fails Serve",
			reason: "grpc-go ends the process",
			want:   map[string][]string{"serve failed": {"true"}},
		},
		{
			row:    "an implementation that lacks methods fails Serve",
			reason: "grpc-go ends the process",
			want:   map[string][]string{"serve failed": {"true"}},
		},
		{
			row:    "a service registered after Serve is ignored and harms nothing",
			reason: "grpc-go ends the process",
			want: map[string][]string{
				"before": good, "after": good, "listed": {"1"}, "call of the late one": {"Unimplemented"},
			},
		},
	}
}

// natures are where a link is another thing than grpc-go on a network.
func natures() []exception {
	good := []string{`OK ""`}
	return []exception{
		{
			row:     "credentials that demand a secure transport are refused on a plain one",
			schemes: []string{"inproc"},
			reason:  "nothing can listen between two functions, so that in process counts as secure",
			want: map[string][]string{
				"call":     {"OK"},
				"metadata": {`authorization=["Bearer abc"] second-token=["def"]`},
			},
		},
		{
			row:     "an upper-case key in a bare map is treated as grpc treats it",
			schemes: []string{"inproc", "http", "tcp", "nats", "udp"},
			reason: "package metadata shows a map's keys only in lower case to others than grpc-go, " +
				"so that no link can see the difference",
			want: map[string][]string{"call": {"OK"}, "arrived": {`upper=["1"]`}},
		},
		{
			row:     "the content subtype json is taken",
			schemes: []string{"inproc", "http", "tcp", "nats", "udp"},
			reason:  "grpc-go has no codec of that name, unless the program registers one",
			want:    map[string][]string{"call": good, "reply": {"x"}},
		},
	}
}

// excepted finds the exception for a row on a link: nil if there is none.
func excepted(name, scheme string) *exception {
	for _, e := range exceptions() {
		if e.row == name && (e.schemes == nil || slices.Contains(e.schemes, scheme)) {
			return &e
		}
	}
	return nil
}
