package seam_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/seam"
	"github.com/kerf-go/kerf/telemetry"
)

const tellMethod = linktestv1.Exercise_Tell_FullMethodName

// waiting is a way from web to back on which Tell has a wait.
func waiting(w link.Wait) seam.OutboundOptions {
	o := outboundWith()
	o.Deadline = func(string) time.Duration { return time.Minute }
	o.Wait = func(method string) link.Wait {
		if method == tellMethod {
			return w
		}
		return link.Reply
	}
	return o
}

func drain(t *testing.T, p *process) {
	t.Helper()
	if err := p.seam.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}

// told is what a handler of Tell has seen of a call.
type told struct {
	text, given, correlation, trace string
	left                            time.Duration
}

func TestASentCallGoesOnWithoutItsCaller(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	let, heard := make(chan struct{}), make(chan told, 1)
	to := p.serve(t, "back", &handlers{tell: func(ctx context.Context, m *message) error {
		select {
		case <-let:
		case <-ctx.Done():
		}
		md, _ := metadata.FromIncomingContext(ctx)
		deadline, _ := ctx.Deadline()
		heard <- told{
			m.GetText(), strings.Join(md.Get("given"), " "), telemetry.Correlation(ctx),
			strings.Split(strings.Join(md.Get("traceparent"), " "), "-")[1], time.Until(deadline),
		}
		return ctx.Err()
	}})
	client := linktestv1.NewExerciseClient(p.dialWith(t, to, waiting(link.Sent)))
	ctx, cancel := context.WithTimeout(telemetry.WithCorrelation(t.Context(), "abc"), 10*time.Second)
	ctx, span := p.tel.TracerProvider().Tracer("test").Start(metadata.AppendToOutgoingContext(ctx, "given", "1"), "x")
	m := &message{Text: "first"}
	answer, err := client.Tell(ctx, m)
	if err != nil || answer == nil {
		t.Fatalf("got %v, %v", answer, err)
	}
	m.Text = "changed"
	cancel()
	span.End()
	if len(heard) > 0 {
		t.Error("the stub waited for the handler")
	}
	close(let)
	got := <-heard
	if got.left < 50*time.Second || got.left > time.Minute {
		t.Errorf("%v left, want the method's minute", got.left)
	}
	got.left = 0
	want := told{text: "first", given: "1", correlation: "abc", trace: span.SpanContext().TraceID().String()}
	if got != want {
		t.Errorf("the handler saw %+v, want %+v", got, want)
	}
	drain(t, p)
	for _, s := range p.ended(t, 3) {
		wait, isClient := attributes(s)["kerf.wait"], s.Parent.SpanID() == span.SpanContext().SpanID()
		if isClient != (wait == "sent") {
			t.Errorf("the span %s has the wait %q", s.Name, wait)
		}
	}
	p.wantMetrics(t, tellLine("calls_total", "OK", "1"), tellLine("calls_in_flight", "", "0"))
	if text := p.log.String(); text != "" {
		t.Errorf("logged %s", text)
	}
}

func tellLine(metric, code, value string) string {
	return strings.ReplaceAll(line("client", metric, code, value), unaryMethod[1:], tellMethod[1:])
}

func TestAFailedSentCallIsLoggedAndCounted(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	to := p.serve(t, "back", &handlers{tell: func(context.Context, *message) error {
		return status.Error(codes.NotFound, "no such thing")
	}})
	client := linktestv1.NewExerciseClient(p.dialWith(t, to, waiting(link.Sent)))
	ended := make(chan error, 1)
	header, trailer, from := metadata.MD(nil), metadata.MD(nil), peer.Peer{}
	_, err := client.Tell(t.Context(), &message{}, grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&from),
		grpc.OnFinish(func(err error) { ended <- err }))
	if err != nil {
		t.Error(err)
	}
	if err := <-ended; status.Code(err) != codes.NotFound {
		t.Errorf("ended with %v", err)
	}
	drain(t, p)
	if header != nil || trailer != nil || from.Addr != nil {
		t.Errorf("the caller's variables were written: %v, %v, %v", header, trailer, from)
	}
	p.wantMetrics(t, tellLine("calls_total", "NotFound", "1"), tellLine("calls_in_flight", "", "0"))
	for _, want := range []string{
		`"level":"WARN"`, `"msg":"sent call failed"`, `"caller":"web"`, `"callee":"back"`, `"wait":"sent"`,
		`"code":"NotFound"`, "no such thing", `"trace_id"`,
	} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log has no %s: %s", want, p.log.String())
		}
	}
}

type teller func(ctx context.Context, request, response any) error

// teller calls Tell through the chain of p, behind which is the function given.
func (p *process) teller(o seam.OutboundOptions, call func(opts []grpc.CallOption) error) teller {
	unary, _ := p.seam.Outbound(o)
	invoke := func(_ context.Context, _ string, _, _ any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
		return call(opts)
	}
	return func(ctx context.Context, request, response any) error {
		return unary[0](ctx, tellMethod, request, response, nil, invoke)
	}
}

func TestTooManySentCallsAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	const most = 1000
	p := newProcess(t)
	let := make(chan struct{})
	tell := p.teller(waiting(link.Sent), func([]grpc.CallOption) error {
		<-let
		return nil
	})
	for range most {
		if err := tell(t.Context(), &message{}, &emptypb.Empty{}); err != nil {
			t.Fatal(err)
		}
	}
	err := tell(t.Context(), &message{}, &emptypb.Empty{})
	if status.Code(err) != codes.ResourceExhausted || link.Ran(err) != link.NeverSent {
		t.Errorf("one more: %v, %v", err, link.Ran(err))
	}
	p.wantMetrics(t, tellLine("calls_in_flight", "", "1000"), tellLine("calls_total", "ResourceExhausted", "1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.seam.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with calls under way the drain ends with %v", err)
	}
	close(let)
	drain(t, p)
	if err := tell(t.Context(), &message{}, &emptypb.Empty{}); err != nil {
		t.Errorf("after all have ended: %v", err)
	}
	drain(t, p)
	drain(t, p) // nothing is under way
}

func TestASentCallThatCannotBeMadeIsRefused(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	tell := p.teller(waiting(link.Sent), func([]grpc.CallOption) error {
		t.Error("it was made")
		return nil
	})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		err  error
		code codes.Code
	}{
		"its caller is gone":          {tell(ended, &message{}, &emptypb.Empty{}), codes.Canceled},
		"its message is no message":   {tell(t.Context(), "text", &emptypb.Empty{}), codes.Internal},
		"its answer would be no such": {tell(t.Context(), &message{}, new(string)), codes.Internal},
	} {
		if status.Code(c.err) != c.code || link.Ran(c.err) != link.NeverSent {
			t.Errorf("%s: %v, %v", name, c.err, link.Ran(c.err))
		}
	}
	drain(t, p)
}

func TestAPanicOfASentCallHarmsNobody(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	tell := p.teller(waiting(link.Sent), func([]grpc.CallOption) error {
		panic("no luck") //nolint:forbidigo // tested
	})
	if err := tell(t.Context(), &message{}, &emptypb.Empty{}); err != nil {
		t.Error(err)
	}
	drain(t, p)
	p.wantMetrics(t, tellLine("calls_total", "Internal", "1"), tellLine("calls_in_flight", "", "0"))
	if text := p.log.String(); !strings.Contains(text, "no luck") || !strings.Contains(text, "sent_test.go") {
		t.Errorf("the log has no panic with its stack: %s", text)
	}
}

func TestADrainWaitsForCallsThatBeginMeanwhile(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	var tell teller
	var mu sync.Mutex // guards left
	left := 20
	tell = p.teller(waiting(link.Sent), func([]grpc.CallOption) error {
		mu.Lock()
		defer mu.Unlock()
		if left--; left > 0 {
			return tell(t.Context(), &message{}, &emptypb.Empty{})
		}
		return nil
	})
	if err := tell(t.Context(), &message{}, &emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	drain(t, p)
	mu.Lock()
	defer mu.Unlock()
	if left != 0 {
		t.Errorf("%d calls were not waited for", left)
	}
}

func TestAWaitIsToldToTheLink(t *testing.T) {
	t.Parallel()
	for _, wait := range []link.Wait{link.Reply, link.Accepted, link.Sent} {
		t.Run(wait.String(), func(t *testing.T) {
			t.Parallel()
			p := newProcess(t)
			asked := make(chan link.Wait, 1)
			tell := p.teller(waiting(wait), func(opts []grpc.CallOption) error {
				got := link.Reply
				for _, opt := range opts {
					if o, ok := opt.(link.WaitCallOption); ok {
						got = o.Wait
					}
				}
				asked <- got
				return nil
			})
			used := wrapperspb.String("left from before")
			if err := tell(t.Context(), &message{}, used); err != nil {
				t.Error(err)
			}
			if got := <-asked; got != wait {
				t.Errorf("the link was told %v", got)
			}
			drain(t, p)
			if wait == link.Sent && used.GetValue() != "" {
				t.Error("the answer is not empty")
			}
		})
	}
}
