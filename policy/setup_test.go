package policy_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const method = "/test.v1.Test/Get"

type text = wrapperspb.StringValue

// attempt is one call as the callee gets it.
type attempt struct {
	n       int // the first one is 1
	method  string
	request *text
	reply   *text
	trailer metadata.MD // to be sent
	header  metadata.MD // to be sent
}

// way is a caller's way to a callee that the test plays.
type way struct {
	out  *policy.Outbound
	call grpc.UnaryClientInterceptor

	answer func(ctx context.Context, a *attempt) error
	link   func(ctx context.Context, method string, opts ...grpc.CallOption) error // instead of answer; may be nil

	mu       sync.Mutex // guards the fields below
	attempts int
	events   []policy.Event
}

// newWay makes a method of a callee that answers as told; nil: with its request.
func newWay(s policy.Settings, answer func(ctx context.Context, a *attempt) error) *way {
	w := &way{answer: answer}
	if answer == nil {
		w.answer = func(_ context.Context, a *attempt) error {
			a.reply.Value = a.request.GetValue()
			return nil
		}
	}
	w.out = policy.NewOutbound(func(_ context.Context, e policy.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	})
	w.call = w.out.Method(s)
	return w
}

// get calls, and gives the answer.
func (w *way) get(ctx context.Context, ask string, opts ...grpc.CallOption) (string, error) {
	reply := new(text)
	err := w.call(ctx, method, &text{Value: ask}, reply, nil, w.invoke, opts...)
	return reply.GetValue(), err
}

// invoke is what a link would do.
func (w *way) invoke(
	ctx context.Context, name string, request, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption,
) error {
	if w.link != nil {
		return w.link(ctx, name, opts...)
	}
	w.mu.Lock()
	w.attempts++
	a := &attempt{n: w.attempts, method: name, request: request.(*text), reply: reply.(*text)}
	w.mu.Unlock()
	err := w.answer(ctx, a)
	for _, o := range opts {
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = a.header
		case grpc.TrailerCallOption:
			*o.TrailerAddr = a.trailer
		case grpc.OnFinishCallOption:
			o.OnFinish(err)
		}
	}
	return err
}

func (w *way) made() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.attempts
}

// told lists what the policies have told, as "retry again".
func (w *way) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]string, 0, len(w.events))
	for _, e := range w.events {
		all = append(all, e.Policy+" "+e.What)
	}
	return all
}

// count counts one of them.
func (w *way) count(event string) int {
	n := 0
	for _, e := range w.told() {
		if e == event {
			n++
		}
	}
	return n
}

// The ways in which a call fails.
var (
	errNeverSent  = link.Mark(status.New(codes.Unavailable, "never sent"), link.NeverSent)
	errMayHaveRun = link.Mark(status.New(codes.Unavailable, "may have run"), link.MayHaveRun)
	errAnswered   = link.Mark(status.New(codes.Unavailable, "answered"), link.Answered)
)

// fails is a callee that always does.
func fails(err error) func(context.Context, *attempt) error {
	return func(context.Context, *attempt) error { return err }
}

// hangs is a callee that never answers.
func hangs(ctx context.Context, _ *attempt) error {
	<-ctx.Done()
	return status.FromContextError(ctx.Err()).Err()
}

func wantCode(tb testing.TB, err error, want codes.Code) {
	tb.Helper()
	if got := status.Code(err); got != want {
		tb.Errorf("got %v (%v), want %v", got, err, want)
	}
}

func wantEvents(tb testing.TB, w *way, want ...string) {
	tb.Helper()
	if got := w.told(); fmt.Sprint(got) != fmt.Sprint(want) {
		tb.Errorf("told %q, want %q", got, want)
	}
}
