package policy

import (
	"fmt"
	"strings"
	"time"
)

// Settings are the policies of one method. A nil policy is off.
type Settings struct {
	Method string // "/package.Service/Method", by which States tells of a hedge and a fallback; may be empty

	Bulkhead  *Bulkhead
	Breaker   *Breaker
	Retry     *Retry
	Hedge     *Hedge
	Fallback  *Fallback
	Idle      *Idle
	Admission *Admission
	Rate      *Rate

	// Idempotent methods may be repeated though they may have run.
	Idempotent bool
}

// Defaults are the policies of which nothing else is said.
func Defaults() Settings {
	return Settings{Bulkhead: &Bulkhead{}, Breaker: &Breaker{}, Retry: &Retry{}, Admission: &Admission{}}
}

// DefaultAttempts is how often a call is made at most where Retry does not say.
const DefaultAttempts = 3

// Bulkhead bounds the unary calls that are under way from one caller to one callee, so that
// a slow callee takes no more than its share of the caller. Streams pass: they rather wait
// than work.
type Bulkhead struct {
	Scope string        // methods of one scope share one bulkhead
	Calls int           // under way at once; 0: 256
	Queue int           // further ones that may wait; 0: as many as Calls; negative: none
	Wait  time.Duration // for a place, at most; 0: 100 ms
}

// LongestWait is that of a call for a place, default filled in; 0: none waits.
func (b Bulkhead) LongestWait() time.Duration {
	b = b.withDefaults()
	if b.Queue < 0 {
		return 0
	}
	return b.Wait
}

// Breaker refuses calls to a callee that fails. It counts what is the callee's fault:
// Unavailable, DeadlineExceeded, Internal, Unknown, Unimplemented and DataLoss, which are
// OpenTelemetry's errors of a server; ResourceExhausted is none, since who sheds load works.
type Breaker struct {
	Scope    string        // methods of one scope share one breaker
	Failures float64       // the share of failed calls at which one more opens it; 0: 0.5
	Calls    int           // fewer within Window say nothing; 0: 20
	Window   time.Duration // that is looked back; 0: 10 s. Negative: the last Calls calls, whenever they were
	Open     time.Duration // until probes may pass, give or take a tenth; 0: 5 s
	Probes   int           // that must succeed to close it; one failure opens it again; 0: 3
}

// Retry repeats calls that ended with Unavailable: those that were never sent, and of
// idempotent methods those that may have run. Pauses are drawn from between 0 and Backoff,
// which doubles from one to the next up to Most ("full jitter", Brooker 2015, AWS
// Architecture Blog). A callee's grpc-retry-pushback-ms goes before (gRFC A6); one that is
// longer than the deadline, or than a minute, ends the call.
type Retry struct {
	Attempts int           // in all; 0: DefaultAttempts
	Backoff  time.Duration // of the first pause; 0: 25 ms
	Most     time.Duration // 0: 1 s

	// Timeout is that of one attempt of an idempotent method, which is repeated if it runs
	// into it. 0: what is left of the call's deadline.
	Timeout time.Duration

	// Budget is the share of calls of the method that may be repeated, so that a callee which
	// struggles meets no storm; 0: 0.1. What is not used is kept, up to 100 retries, with
	// which a caller begins too, for all methods of the callee together.
	Budget float64
}

// Pauses gives how long the first pause of a call may be, how long any, and how long all of
// them together, defaults filled in.
func (r Retry) Pauses() (first, longest, all time.Duration) {
	r = r.withDefaults()
	for n, pause := 1, r.Backoff; n < r.Attempts; n, pause = n+1, min(2*pause, r.Most) {
		all += pause
	}
	return r.Backoff, r.Most, all
}

// Hedge makes an idempotent call a second time when the answer is slow, and takes what
// comes first ("The Tail at Scale", Dean and Barroso 2013). Hedges are paid for from the
// budget of retries. Both calls are within one attempt of Retry, and end with its Timeout. Of
// methods that are not idempotent it does nothing.
type Hedge struct {
	// After is when. 0: the 95th percentile of the method's last 128 durations, once there are
	// 16, and a millisecond at least.
	After time.Duration
}

// Fallback answers for a callee that does not, or which another policy keeps calls from. A
// header, DegradedKey, says so.
type Fallback struct {
	// Last is with the last answer to the same request, of up to 1,000, none larger than
	// 64 KiB together with its request. Requests are the same if message and outgoing metadata
	// are, but for what says nothing of user or content: traces, ids of requests, the client's
	// address and browser. A call with credentials of its own (grpc.PerRPCCredentials) has none. What the
	// app's interceptors add to a call cannot be seen: if they say for whom it is, do
	// without Last. It is for methods that change nothing: of another one its caller would take
	// for done what was not.
	Last bool

	// Method is another one of the callee, "/package.Service/Method", which takes and gives the
	// same messages. It has the last fifth of the call's time, if that is bounded, and what the
	// call itself has left.
	Method string

	// Policies are those of Method, of which bulkhead and breaker hold when it is called here; nil: those of
	// the method that it answers for.
	Policies *Settings

	Answer []byte // in protobuf's JSON
}

// First is how much of a call's time the call itself has, before the fallback.
func (f Fallback) First(whole time.Duration) time.Duration {
	const share = 5
	if f.Method == "" {
		return whole
	}
	return whole - whole/share
}

// Idle ends a stream with DeadlineExceeded when no message has gone either way for Limit, as
// its caller sees it: sent by him, or received. Heartbeats count nothing, since they tell only
// that the other end lives. To a breaker such an end says nothing: there may have been nothing
// to tell.
type Idle struct {
	Limit time.Duration // 0: for ever
}

// Admission refuses calls early when more run at once in a service than it can do with:
// what that is, it learns from how their durations grow.
type Admission struct {
	Scope string // methods of one scope count together

	// Least is below what the limit does not shrink; 0: 32, or Most if that is less. While calls stay
	// slow even so, it is half of that for a moment every 10 s, to see whether fewer calls are faster.
	Least int

	Most int // the limit is never higher; 0: 2,000
}

// Bounds gives those of the limit, defaults filled in. Least goes before Most.
func (a Admission) Bounds() (least, most int) {
	a = a.withDefaults()
	return a.Least, a.Most
}

// Rate bounds how often each caller may call.
type Rate struct {
	Scope string  // methods of one scope count together
	Calls float64 // per second, of each caller; 0: as many as there are
	Burst int     // that may come at once; 0: Calls, rounded up
}

// Values that hold where a policy says nothing. They are round numbers from the middle of
// what gRFC A6, Envoy, Finagle and Resilience4j take.
func (b Bulkhead) withDefaults() Bulkhead {
	or(&b.Calls, 256)
	or(&b.Queue, b.Calls)
	or(&b.Wait, 100*time.Millisecond)
	return b
}

func (b Breaker) withDefaults() Breaker {
	or(&b.Failures, 0.5)
	or(&b.Calls, 20)
	or(&b.Window, 10*time.Second)
	or(&b.Open, 5*time.Second)
	or(&b.Probes, 3)
	return b
}

func (r Retry) withDefaults() Retry {
	or(&r.Attempts, DefaultAttempts)
	or(&r.Backoff, 25*time.Millisecond)
	or(&r.Most, time.Second)
	or(&r.Budget, 0.1)
	return r
}

func (a Admission) withDefaults() Admission {
	or(&a.Most, 2000)
	or(&a.Least, min(32, a.Most))
	a.Most = max(a.Most, a.Least)
	return a
}

func (r Rate) withDefaults() Rate {
	or(&r.Burst, max(1, int(r.Calls+0.999)))
	return r
}

func or[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// counted is "1 call", or "2 calls".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// String gives the policy in words, defaults filled in.
func (b Bulkhead) String() string {
	b = b.withDefaults()
	if b.Queue < 0 {
		return counted(b.Calls, "call") + ", none waits"
	}
	waits := fmt.Sprintf("%d wait", b.Queue)
	if b.Queue == 1 {
		waits = "1 waits"
	}
	return fmt.Sprintf("%s, %s at most %v", counted(b.Calls, "call"), waits, b.Wait)
}

// String gives the policy in words, defaults filled in.
func (b Breaker) String() string {
	b = b.withDefaults()
	calls := counted(b.Calls, "call")
	if b.Window < 0 {
		calls = "the last " + calls
	} else {
		calls += " in " + b.Window.String()
	}
	return fmt.Sprintf("%g%% of %s, open %v, %s", 100*b.Failures, calls, b.Open, counted(b.Probes, "probe"))
}

// String gives the policy in words, defaults filled in.
func (r Retry) String() string {
	r = r.withDefaults()
	timeout := ""
	if r.Timeout > 0 {
		timeout = fmt.Sprintf(" of %v", r.Timeout)
	}
	return fmt.Sprintf("%s%s, pauses %v to %v, budget %g%%",
		counted(r.Attempts, "attempt"), timeout, r.Backoff, r.Most, 100*r.Budget)
}

// String gives the policy in words, defaults filled in.
func (h Hedge) String() string {
	if h.After == 0 {
		return "after the 95th percentile"
	}
	return "after " + h.After.String()
}

// String gives the policy in words.
func (f Fallback) String() string {
	switch {
	case f.Last:
		return "the last answer"
	case f.Method != "":
		return strings.TrimPrefix(f.Method, "/")
	}
	return string(f.Answer)
}

// String gives the policy in words.
func (i Idle) String() string { return fmt.Sprintf("%v without a message", i.Limit) }

// String gives the policy in words, defaults filled in.
func (a Admission) String() string {
	a = a.withDefaults()
	return fmt.Sprintf("adaptive, %d to %d calls", a.Least, a.Most)
}

// String gives the policy in words, defaults filled in.
func (r Rate) String() string {
	r = r.withDefaults()
	return fmt.Sprintf("%g calls/s of each caller, bursts of %d", r.Calls, r.Burst)
}
