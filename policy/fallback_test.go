package policy_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/policy"
)

const other = "/test.v1.Test/Other"

func falling(f policy.Fallback) policy.Settings { return policy.Settings{Fallback: &f} }

// failsBut is a callee of whose methods only one works.
func failsBut(works string) func(context.Context, *attempt) error {
	return func(_ context.Context, a *attempt) error {
		a.header = metadata.Pairs("from", a.method)
		if a.method != works {
			return errMayHaveRun
		}
		a.reply.Value = a.method
		return nil
	}
}

// moody is a callee that answers with the request until it is down.
type moody struct {
	*way
	down error
}

func newMoody(f policy.Fallback) *moody {
	m := new(moody)
	m.way = newWay(falling(f), func(_ context.Context, a *attempt) error {
		a.reply.Value = "answer " + a.request.GetValue()
		return m.down
	})
	return m
}

func TestAnAnswerOfAFallbackSaysSo(t *testing.T) {
	t.Parallel()
	for how, test := range map[string]struct {
		fallback policy.Fallback
		answer   func(context.Context, *attempt) error
		want     string
	}{
		"answer": {policy.Fallback{Answer: []byte(`"static"`)}, failsBut(""), "static"},
		"method": {policy.Fallback{Method: other}, failsBut(other), other},
		"last":   {policy.Fallback{Last: true}, nil, "the request's"},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w := newWay(falling(test.fallback), test.answer)
			if how == "last" {
				_, _ = w.get(t.Context(), "the request's")
				w.answer = fails(errMayHaveRun)
			}
			header := metadata.Pairs("left", "from another call")
			got, err := w.get(t.Context(), "the request's", grpc.Header(&header))
			if err != nil || got != test.want {
				t.Errorf("%q, %v, want %q", got, err, test.want)
			}
			if fmt.Sprint(header[policy.DegradedKey]) != "["+how+"]" || header["left"] != nil {
				t.Errorf("header %v", header)
			}
			wantEvents(t, w, "fallback answered")
		})
	}
}

func TestAnAnswerOfTheCalleeIsNotMarked(t *testing.T) {
	t.Parallel()
	w := newWay(falling(policy.Fallback{Answer: []byte(`"static"`)}), nil)
	var header metadata.MD
	if got, err := w.get(t.Context(), "x", grpc.Header(&header)); got != "x" || err != nil || len(header) != 0 {
		t.Errorf("%q, %v, %v", got, err, header)
	}
	wantEvents(t, w)
}

func TestAFallbackAnswersForWhatIsTheCalleesFaultOrAPolicys(t *testing.T) {
	t.Parallel()
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		want := codes.OK
		if !policy.Blames(code) && code != codes.ResourceExhausted {
			want = code
		}
		w := newWay(falling(policy.Fallback{Answer: []byte(`"static"`)}), asked)
		_, err := w.get(t.Context(), code.String())
		wantCode(t, err, want)
	}
}

func TestAnOpenBreakerHasItsFallback(t *testing.T) {
	t.Parallel()
	for how, f := range map[string]policy.Fallback{"answer": {Answer: []byte(`"x"`)}, "last": {Last: true}} {
		synctest.Test(t, func(t *testing.T) {
			s := falling(f)
			s.Breaker = &policy.Breaker{}
			w := newWay(s, nil)
			_, _ = w.get(t.Context(), "x")
			w.answer = fails(errMayHaveRun)
			for range 30 {
				header := metadata.Pairs("left", "from another call")
				got, err := w.get(t.Context(), "x", grpc.Header(&header))
				if got != "x" || err != nil || header["left"] != nil || len(header[policy.DegradedKey]) != 1 {
					t.Fatalf("%s: %q, %v, %d headers", how, got, err, len(header))
				}
			}
			if w.made() != 20 {
				t.Errorf("%d attempts", w.made())
			}
		})
	}
}

func TestAFallbackThatHasNoAnswerLeavesTheFailure(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]policy.Fallback{
		"no last answer":         {Last: true},
		"a method that fails":    {Method: other},
		"an answer of no such":   {Answer: []byte(`{"no": "such field"}`)},
		"an answer that is none": {Answer: []byte(`{`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWay(falling(f), failsBut(""))
			var header metadata.MD
			_, err := w.get(t.Context(), "", grpc.Header(&header))
			wantCode(t, err, codes.Unavailable)
			if fmt.Sprint(header["from"]) != "["+method+"]" {
				t.Errorf("header %v is not that of the failure", header)
			}
			wantEvents(t, w)
		})
	}
}

func TestTheLastAnswerIsToTheSameRequestOfTheSameUser(t *testing.T) {
	t.Parallel()
	m := newMoody(policy.Fallback{Last: true})
	as := func(pairs ...string) context.Context { return metadata.AppendToOutgoingContext(t.Context(), pairs...) }
	here := func(pairs ...string) context.Context { return as(append(pairs, "x-forwarded-host", "here.example")...) }
	like := func(pairs ...string) context.Context { return here(append(pairs, "user", "ann")...) }
	ann := like("traceparent", "1", "x-correlation-id", "1", "x-forwarded-for", "192.0.2.1", "user-agent", "one",
		"sec-fetch-mode", "cors")
	if _, err := m.get(ann, "x"); err != nil {
		t.Fatal(err)
	}
	m.down = errMayHaveRun
	for name, test := range map[string]struct {
		ctx  context.Context
		ask  string
		want codes.Code
	}{
		"the same":                        {ann, "x", codes.OK},
		"another trace":                   {like("traceparent", "2"), "x", codes.OK},
		"another correlation id":          {like("x-correlation-id", "2"), "x", codes.OK},
		"another address":                 {like("x-forwarded-for", "192.0.2.2, 192.0.2.3"), "x", codes.OK},
		"another browser":                 {like("user-agent", "other", "sec-ch-ua", "other"), "x", codes.OK},
		"another host":                    {as("user", "ann", "x-forwarded-host", "evil"), "x", codes.Unavailable},
		"another token":                   {like("authorization", "Bearer other"), "x", codes.Unavailable},
		"another session":                 {like("cookie", "session=other"), "x", codes.Unavailable},
		"whom the gateway knows":          {like("x-auth-subject", "bob"), "x", codes.Unavailable},
		"what the app calls a user":       {like("x-our-user", "bob"), "x", codes.Unavailable},
		"another user":                    {here("user", "bob"), "x", codes.Unavailable},
		"no user":                         {here(), "x", codes.Unavailable},
		"another request":                 {ann, "y", codes.Unavailable},
		"baggage, which may name a user":  {like("baggage", "user=bob"), "x", codes.Unavailable},
		"two values":                      {like("user", "bob"), "x", codes.Unavailable},
		"a value that looks like another": {here("user", "ann\x00bob"), "x", codes.Unavailable},
	} {
		got, err := m.get(test.ctx, test.ask)
		wantCode(t, err, test.want)
		if err == nil && got != "answer x" {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// bearer are credentials of one call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return false }

func TestACallWithCredentialsOfItsOwnHasNoLastAnswer(t *testing.T) {
	t.Parallel()
	m := newMoody(policy.Fallback{Last: true})
	_, _ = m.get(t.Context(), "x", grpc.PerRPCCredentials(bearer("ann")))
	m.down = errMayHaveRun
	for _, opts := range [][]grpc.CallOption{{grpc.PerRPCCredentials(bearer("bob"))}, nil} {
		_, err := m.get(t.Context(), "x", opts...)
		wantCode(t, err, codes.Unavailable)
	}
}

func TestALastAnswerIsACopy(t *testing.T) {
	t.Parallel()
	m := newMoody(policy.Fallback{Last: true})
	reply := new(text)
	if err := m.call(t.Context(), method, &text{Value: "x"}, reply, nil, m.invoke); err != nil {
		t.Fatal(err)
	}
	reply.Value = "changed"
	m.down = errMayHaveRun
	if err := m.call(t.Context(), method, &text{Value: "x"}, reply, nil, m.invoke); err != nil {
		t.Fatal(err)
	}
	reply.Value += " again"
	if got, err := m.get(t.Context(), "x"); got != "answer x" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestLastAnswersAreBounded(t *testing.T) {
	t.Parallel()
	m := newMoody(policy.Fallback{Last: true})
	large := strings.Repeat("x", 64<<10)
	_, _ = m.get(t.Context(), large)
	for n := range 1001 {
		_, _ = m.get(t.Context(), strconv.Itoa(n))
	}
	m.down = errMayHaveRun
	for ask, want := range map[string]codes.Code{
		"0": codes.Unavailable, "1": codes.OK, "1000": codes.OK, large: codes.Unavailable,
	} {
		_, err := m.get(t.Context(), ask)
		wantCode(t, err, want)
	}
}

func TestAFallbacksMethodKeepsWithinTheBulkhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := falling(policy.Fallback{Method: other})
		s.Bulkhead = &policy.Bulkhead{Calls: 1, Queue: -1}
		w := newWay(s, hangs)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		go func() { _, _ = w.get(ctx, "") }()
		synctest.Wait()
		_, err := w.get(t.Context(), "")
		wantCode(t, err, codes.ResourceExhausted)
		if w.made() != 1 {
			t.Errorf("%d attempts", w.made())
		}
	})
}

// A callee that a breaker leaves alone is left alone by another of its methods, too, unless that has a
// breaker of its own.
func TestAFallbacksMethodIsAskedIfItsBreakerLetsIt(t *testing.T) {
	t.Parallel()
	strict := func(scope string) *policy.Breaker { return &policy.Breaker{Scope: scope, Calls: 2, Open: time.Minute} }
	for name, test := range map[string]struct {
		policies *policy.Settings
		answered bool
		made     int
	}{
		"one for both":                 {nil, false, 3},
		"one for both, as it says":     {&policy.Settings{Breaker: strict("all")}, false, 3},
		"one of its own":               {&policy.Settings{Breaker: strict("other")}, true, 12},
		"none":                         {&policy.Settings{}, true, 12},
		"one of its own, that is open": {&policy.Settings{Breaker: strict("down")}, false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := falling(policy.Fallback{Method: other, Policies: test.policies})
			s.Breaker = strict("all")
			w := newWay(s, failsBut(other))
			down := w.out.Method(policy.Settings{Breaker: strict("down")})
			for range 2 {
				_ = down(t.Context(), "/x/y", nil, nil, nil, func(
					context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption,
				) error {
					return errMayHaveRun
				})
			}
			var err error
			for range 10 {
				_, err = w.get(t.Context(), "")
			}
			if (err == nil) != test.answered || w.made() != test.made {
				t.Errorf("%v, after %d attempts", err, w.made())
			}
		})
	}
}

func TestAFallbackIsNotForACallerWhoHasGivenUp(t *testing.T) {
	t.Parallel()
	w := newWay(falling(policy.Fallback{Answer: []byte(`"static"`)}), func(ctx context.Context, _ *attempt) error {
		return status.FromContextError(ctx.Err()).Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.get(ctx, "")
	wantCode(t, err, codes.Canceled)
}

func TestAFallbacksMethodHasTimeWhenTheCallRanOutOfIts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := falling(policy.Fallback{Method: other})
		s.Retry, s.Idempotent = &policy.Retry{}, true
		w := newWay(s, func(ctx context.Context, a *attempt) error {
			if a.method != other {
				return hangs(ctx, a)
			}
			end, _ := ctx.Deadline()
			a.reply.Value = fmt.Sprint(time.Since(began), " and ", time.Until(end))
			return ctx.Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, err := w.get(ctx, "")
		if got != "800ms and 200ms" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		wantEvents(t, w, "fallback answered")
	})
}

func TestOtherFallbacksTakeNoneOfTheCallsTime(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]policy.Fallback{"answer": {Answer: []byte(`"x"`)}, "last": {Last: true}} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, _ = newWay(falling(f), hangs).get(ctx, ""); time.Since(began) != time.Second {
				t.Errorf("%s: after %v", name, time.Since(began))
			}
		})
	}
}
