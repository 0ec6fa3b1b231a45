package plan

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/policy"
)

// filePolicy is what an entry of policies says. Of each policy it says nothing, all, or
// that it is off.
type filePolicy struct {
	deadline  placed[time.Duration]
	bulkhead  placed[*policy.Bulkhead]
	breaker   placed[*policy.Breaker]
	retry     placed[*policy.Retry]
	hedge     placed[*policy.Hedge]
	fallback  placed[*policy.Fallback]
	idle      placed[*policy.Idle]
	admission placed[*policy.Admission]
	rate      placed[*policy.Rate]
	balance   placed[*balance.Options]
}

func (f *filePolicy) keys() []key {
	return []key{
		{deadlineKey, "How long a caller waits for the answer of a unary call.", "", duration(&f.deadline)},
		{
			"idle", "How long a stream may go on without a message of either side; off, the default: for ever.", "",
			idleLimit(&f.idle),
		},
		{
			"bulkhead", "How many calls one caller may have under way.", "",
			switched(&f.bulkhead, true, bulkheadKeys),
		},
		{"breaker", "When calls to a callee that fails are refused.", "", switched(&f.breaker, true, breakerKeys)},
		{"retry", "How calls that ended with Unavailable are repeated.", "", switched(&f.retry, true, retryKeys)},
		{
			"hedge", "When a slow call of an idempotent method is made a second time.", "",
			switched(&f.hedge, true, hedgeKeys),
		},
		{"fallback", "Who answers when the callee does not.", "", switched(&f.fallback, false, fallbackKeys)},
		{
			"admission", "How many calls may run in a service: a limit that adapts.", "",
			switched(&f.admission, true, admissionKeys),
		},
		{"rate", "How often each caller may call.", "", switched(&f.rate, false, rateKeys)},
		{
			"balance", "Which replicas of a service take no calls. For \"*\" or a service; off: all of them do.", "",
			switched(&f.balance, true, balanceKeys),
		},
	}
}

// places are where it says what it says of each policy, in policyOrder.
func (f *filePolicy) places() []Position {
	return []Position{
		f.deadline.at, f.fallback.at, f.bulkhead.at, f.breaker.at, f.retry.at, f.hedge.at, f.balance.at, f.idle.at,
		f.rate.at, f.admission.at,
	}
}

// off is the word that switches a policy, or a part of one, off.
const off = "off"

// maxCalls bounds numbers of calls; nobody has more.
const maxCalls = 1_000_000

func bulkheadKeys(b *policy.Bulkhead) []key {
	return []key{
		{"calls", "Calls under way at once. Default: 256.", "", wholeOf(&b.Calls, maxCalls)},
		{
			"queue", "Further calls that may wait; off: none. Default: as many as calls.", "",
			own(&b.Queue, func(v *placed[int]) slot { return orOff(whole(v, maxCalls), -1) }),
		},
		{waitKey, "How long they wait at most. Default: 100ms.", "", durationOf(&b.Wait)},
	}
}

func breakerKeys(b *policy.Breaker) []key {
	return []key{
		{"failures", "The share of failed calls that opens it. Default: 50%.", "", percent(&b.Failures)},
		{"calls", "Fewer calls say nothing. Default: 20.", "", wholeOf(&b.Calls, maxCalls)},
		{
			"window", "How far it looks back; off: to the last calls, whenever they were. Default: 10s.", "",
			own(&b.Window, func(v *placed[time.Duration]) slot { return orOff(duration(v), -1) }),
		},
		{"open", "How long it refuses calls before probes may pass. Default: 5s.", "", durationOf(&b.Open)},
		{"probes", "Probes that must succeed to close it. Default: 3.", "", wholeOf(&b.Probes, maxCalls)},
	}
}

func retryKeys(r *policy.Retry) []key {
	return []key{
		{"attempts", "Attempts in all. Default: 3.", "", wholeOf(&r.Attempts, 10)},
		{
			"backoff", "The longest first pause; each further one may be twice as long. Default: 25ms.", "",
			durationOf(&r.Backoff),
		},
		{"most", "The longest of all pauses. Default: 1s.", "", durationOf(&r.Most)},
		{
			"timeout", "How long one attempt of an idempotent method may take. Default: what is left of the deadline.",
			"", durationOf(&r.Timeout),
		},
		{"budget", "The share of calls that may be repeated. Default: 10%.", "", percent(&r.Budget)},
	}
}

func hedgeKeys(h *policy.Hedge) []key {
	return []key{{
		"after", "When the second call is made. Default: after the 95th percentile of the last calls.", "",
		durationOf(&h.After),
	}}
}

func fallbackKeys(f *policy.Fallback) []key {
	return []key{
		{
			"last", "The last answer to the same request, of methods without side effects.", "",
			own(&f.Last, flag),
		},
		{"method", "Another method of the service, with the same messages.", "", methodOf(&f.Method)},
		{"answer", "A fixed answer, as protobuf's JSON has it.", "", answer{&f.Answer}},
	}
}

func admissionKeys(a *policy.Admission) []key {
	return []key{
		{
			"least", "The limit shrinks to no less, but for a moment every 10 s while calls stay slow even so. " +
				"Default: 32, or most if that is less.",
			"", wholeOf(&a.Least, maxCalls),
		},
		{"most", "The limit is never higher. Default: 2000.", "", wholeOf(&a.Most, maxCalls)},
	}
}

func rateKeys(r *policy.Rate) []key {
	return []key{
		{"calls", "Calls per second of each caller.", "write how many, such as calls: 100", number(&r.Calls)},
		{"burst", "Calls that may come at once. Default: as calls.", "", wholeOf(&r.Burst, maxCalls)},
	}
}

func balanceKeys(b *balance.Options) []key {
	return []key{
		{"failures", "Failures in a row that eject a replica. Default: 5.", "", wholeOf(&b.Failures, maxCalls)},
		{
			"ejection", "How long it is ejected at first; the n-th time n times as long. Default: 5s.", "",
			durationOrOff(&b.Ejection),
		},
		{"most", "The share of replicas that are ejected at once. Default: 50%.", "", percent(&b.MostEjected)},
		{
			"health", "The time between two health checks of a replica. Default: 1s.", "",
			durationOrOff(&b.HealthEvery),
		},
		{
			"silence", "How long a replica may leave health checks and calls without an answer. Default: 1s.", "",
			durationOf(&b.Silence),
		},
		{
			"slowstart", "How long a replica that is new, or back, gets less than its share. Default: 5s.", "",
			durationOrOff(&b.SlowStart),
		},
	}
}

// switching is a slot for a policy: off, a mapping, or, where the defaults make sense, on.
type switching[T any] struct {
	into *placed[*T]
	on   bool
	keys func(*T) []key
}

func switched[T any](into *placed[*T], on bool, keys func(*T) []key) slot {
	return switching[T]{into, on, keys}
}

// idleLimit is a slot for a policy that is no more than a time.
func idleLimit(into *placed[*policy.Idle]) slot {
	limit := duration(nil)
	parse := func(n ast.Node) (*policy.Idle, bool) {
		d, ok := limit.parse(n)
		return &policy.Idle{Limit: d}, ok
	}
	return orOff(scalar[*policy.Idle]{into, limit.want, parse, limit.shape}, nil)
}

// keysOf makes keyed of a function.
type keysOf func() []key

func (k keysOf) keys() []key { return k() }

func (s switching[T]) read(r *reader, path string, n ast.Node) {
	word, isWord := asText(n)
	switch {
	case isWord && word == off:
		*s.into = placed[*T]{nil, r.place(n)}
	case isWord && word == "on" && s.on:
		*s.into = placed[*T]{new(T), r.place(n)}
	case isWord:
		r.wrong(path, n, s.want())
	default:
		v := new(T)
		before := len(r.all)
		r.object(path, r.place(n), n, keysOf(func() []key { return s.keys(v) }))
		if len(r.all) == before { // what is wrong by itself is not held against anything else
			*s.into = placed[*T]{v, r.place(n)}
		}
	}
}

func (s switching[T]) want() string {
	names := keyNames(keysOf(func() []key { return s.keys(new(T)) }))
	if s.on {
		return "on, off, or a mapping with " + joined(names, "and")
	}
	return "off, or a mapping with " + joined(names, "and")
}

func (s switching[T]) schema() rules {
	words := []string{off}
	if s.on {
		words = []string{"on", off}
	}
	return rules{"anyOf": []rules{
		ofType("string", rules{"enum": words}),
		objectSchema(keysOf(func() []key { return s.keys(new(T)) })),
	}}
}

// bare is a slot whose value goes into a field that has no place of its own.
type bare[T any] struct {
	into *T
	slot func(*placed[T]) slot
}

func own[T any](into *T, slot func(*placed[T]) slot) slot { return bare[T]{into, slot} }

func (b bare[T]) read(r *reader, path string, n ast.Node) {
	var v placed[T]
	b.slot(&v).read(r, path, n)
	*b.into = v.v
}

func (b bare[T]) schema() rules { return b.slot(&placed[T]{}).schema() }

func wholeOf(into *int, most int) slot {
	return own(into, func(v *placed[int]) slot { return whole(v, most) })
}

func durationOf(into *time.Duration) slot {
	return own(into, func(v *placed[time.Duration]) slot { return duration(v) })
}

// orOff lets a slot take the word off too, for a value that nothing else says.
func orOff[T any](s scalar[T], without T) scalar[T] {
	return scalar[T]{
		s.into, "off, or " + s.want,
		func(n ast.Node) (T, bool) {
			if word, _ := asText(n); word == off {
				return without, true
			}
			return s.parse(n)
		},
		rules{"anyOf": []rules{ofType("string", rules{"enum": []string{off}}), s.shape}},
	}
}

// durationOrOff is a slot for a time; off is a negative one.
func durationOrOff(into *time.Duration) slot {
	return own(into, func(v *placed[time.Duration]) slot { return orOff(duration(v), -1) })
}

func methodOf(into *string) slot {
	return own(into, func(v *placed[string]) slot { return text(v, "a method, such as pkg.v1.Service/Method") })
}

// sharePattern is a number above 0 and up to 100, and %.
const sharePattern = `^(100(\.0+)?|[1-9][0-9]?(\.[0-9]+)?|0\.[0-9]*[1-9][0-9]*)%$`

// percent is a slot for a share of the whole.
func percent(into *float64) slot {
	legal := regexp.MustCompile(sharePattern)
	return own(into, func(v *placed[float64]) slot {
		return scalar[float64]{
			v, "a share above zero, such as 50%",
			func(n ast.Node) (float64, bool) {
				s, _ := asText(n)
				f, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
				return f / 100, err == nil && legal.MatchString(s)
			},
			ofPattern(sharePattern),
		}
	})
}

func number(into *float64) slot {
	return own(into, func(v *placed[float64]) slot {
		return scalar[float64]{
			v, "a number above zero",
			func(n ast.Node) (float64, bool) {
				switch n.(type) {
				case *ast.IntegerNode, *ast.FloatNode:
					f, err := strconv.ParseFloat(n.GetToken().Value, 64)
					return f, err == nil && f > 0 && f <= maxCalls
				}
				return 0, false
			},
			ofType("number", rules{"exclusiveMinimum": 0, "maximum": maxCalls}),
		}
	})
}

// answer is a slot for any mapping, kept as JSON.
type answer struct{ into *[]byte }

func (a answer) read(r *reader, path string, n ast.Node) {
	var v map[string]any
	if err := yaml.NodeToValue(n, &v); err != nil {
		r.wrong(path, n, "a mapping with the fields of the answer")
		return
	}
	text, err := json.Marshal(v)
	if err != nil {
		r.wrong(path, n, "a mapping with the fields of the answer")
		return
	}
	*a.into = text
}

func (answer) schema() rules { return ofType("object", nil) }
