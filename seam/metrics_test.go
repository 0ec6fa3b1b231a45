package seam_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protodelim"

	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/seam"
	"github.com/kerf-go/kerf/telemetry"
)

// wantMetrics looks for whole lines of the metrics as text.
func (p *process) wantMetrics(tb testing.TB, lines ...string) {
	tb.Helper()
	text, err := io.ReadAll(p.metrics(tb, "text/plain"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, line := range lines {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			tb.Errorf("no line %s in\n%s", line, kerfLines(string(text)))
		}
	}
}

func kerfLines(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "kerf_") && !strings.Contains(line, "_bucket") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// line is one of the metrics of calls from web to back.
func line(side, metric, code, value string) string {
	if code != "" {
		code = `code="` + code + `",`
	}
	return fmt.Sprintf(`kerf_%s_%s{callee="back",caller="web",%slink="grpc",method="%s"} %s`,
		side, metric, code, unaryMethod[1:], value)
}

func TestCallsAreCountedOnBothSides(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	to := p.serve(t, "back", &handlers{unary: func(_ context.Context, m *message) (*message, error) {
		switch m.GetText() {
		case "panic":
			panic("no luck") //nolint:forbidigo // tested
		case "late":
			return nil, context.DeadlineExceeded
		case "odd":
			return nil, status.Error(codes.Code(99), "from elsewhere")
		case "refuse":
			return nil, status.Error(codes.NotFound, "no")
		}
		p.wantMetrics(t, line("client", "calls_in_flight", "", "1"), line("server", "calls_in_flight", "", "1"))
		return &message{Text: "an answer"}, nil
	}})
	client := linktestv1.NewExerciseClient(p.dial(t, "web", "back", to))
	for text, want := range map[string]codes.Code{
		"hello": codes.OK, "refuse": codes.NotFound, "panic": codes.Internal, "odd": codes.Code(99),
		"late": codes.DeadlineExceeded,
	} {
		if _, err := client.Unary(t.Context(), &message{Text: text}); status.Code(err) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	p.ended(t, 10)
	for _, side := range []string{"client", "server"} {
		for _, code := range []string{"OK", "NotFound", "Internal", "DeadlineExceeded", "Unknown"} {
			p.wantMetrics(t, line(side, "calls_total", code, "1"))
		}
		p.wantMetrics(t,
			line(side, "calls_started_total", "", "5"), line(side, "calls_in_flight", "", "0"),
			line(side, "call_duration_seconds_count", "", "5"),
			line(side, "request_bytes_total", "", "33"), // 5 texts of 23 bytes, each with a tag and a length
			line(side, "response_bytes_total", "", "11"))
	}
}

func TestTheMethodsDeadlineEndsACall(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	to := p.serve(t, "back", &handlers{unary: func(ctx context.Context, _ *message) (*message, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	o := outboundWith()
	o.Deadline = func(string) time.Duration { return 20 * time.Millisecond }
	_, err := linktestv1.NewExerciseClient(p.dialWith(t, to, o)).Unary(t.Context(), &message{})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
	p.wantMetrics(t, line("client", "calls_total", "DeadlineExceeded", "1"))
}

func TestAStreamsMessagesAreCounted(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	client := linktestv1.NewExerciseClient(p.dial(t, "web", "back", p.serve(t, "back", &handlers{chat: answerAll})))
	chat, err := client.Chat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := chat.Send(&message{Text: "12345678"}); err != nil {
			t.Fatal(err)
		}
		if _, err := chat.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	if err := chat.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := chat.Recv(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	p.ended(t, 2)
	const labels = `{callee="back",caller="web",link="grpc",method="kerf.linktest.v1.Exercise/Chat"} `
	for _, side := range []string{"kerf_client_", "kerf_server_"} {
		p.wantMetrics(t, side+"request_bytes_total"+labels+"30", side+"response_bytes_total"+labels+"30",
			side+"calls_started_total"+labels+"1", side+"calls_in_flight"+labels+"0")
	}
}

func TestLabelsCannotBeBlownUp(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	to := p.serve(t, "back", &handlers{unary: echo})
	stranger := rawDial(t, to)
	call := func(caller string) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "kerf-caller", caller)
		if _, err := linktestv1.NewExerciseClient(stranger).Unary(ctx, &message{}); err != nil {
			t.Error(err)
		}
	}
	for n := range 200 {
		call(fmt.Sprintf("stranger-%d", n))
	}
	for _, caller := range []string{"", "Upper", "with space", strings.Repeat("x", 64), "front"} {
		call(caller)
	}
	known := p.dial(t, "web", "back", to)
	for n := range 3 {
		_ = known.Invoke(t.Context(), fmt.Sprintf("/made.Up/Method%d", n), &message{}, &message{})
	}
	const rest = `code="OK",link="grpc",method="kerf.linktest.v1.Exercise/Unary"} `
	p.wantMetrics(t,
		`kerf_server_calls_total{callee="back",caller="other",`+rest+`136`,
		`kerf_server_calls_total{callee="back",caller="unknown",`+rest+`4`,
		`kerf_server_calls_total{callee="back",caller="front",`+rest+`1`,
		`kerf_client_calls_total{callee="back",caller="web",code="Unimplemented",link="grpc",method="unknown"} 3`,
	)
}

func TestDurationsAreNativeHistograms(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	client := linktestv1.NewExerciseClient(p.dial(t, "web", "back", p.serve(t, "back", &handlers{unary: echo})))
	if _, err := client.Unary(t.Context(), &message{}); err != nil {
		t.Fatal(err)
	}
	span := p.ended(t, 2)[1]
	scraped := bufio.NewReader(p.metrics(t,
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"))
	found := 0
	for {
		family := new(dto.MetricFamily)
		if err := protodelim.UnmarshalFrom(scraped, family); err != nil {
			break
		}
		if !strings.HasSuffix(family.GetName(), "_call_duration_seconds") {
			continue
		}
		found++
		h := family.GetMetric()[0].GetHistogram()
		if len(h.GetPositiveSpan()) == 0 || h.GetSchema() < 3 || len(h.GetBucket()) < 3 {
			t.Errorf("%s: want native and a few classic buckets: %v", family.GetName(), h)
		}
		exemplars := append(h.GetExemplars(), exemplarsOf(h.GetBucket())...)
		if len(exemplars) == 0 || exemplars[0].GetLabel()[0].GetValue() != span.SpanContext.TraceID().String() {
			t.Errorf("%s: want the trace id as exemplar: %v", family.GetName(), exemplars)
		}
	}
	if found != 2 {
		t.Errorf("%d histograms of durations, want the client's and the server's", found)
	}
}

func exemplarsOf(buckets []*dto.Bucket) []*dto.Exemplar {
	var all []*dto.Exemplar
	for _, b := range buckets {
		if e := b.GetExemplar(); e != nil {
			all = append(all, e)
		}
	}
	return all
}

func TestASecondSeamOnTheSameTelemetryIsRefused(t *testing.T) {
	t.Parallel()
	tel, err := telemetry.New(t.Context(), telemetry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seam.New(tel); err != nil {
		t.Error(err)
	}
	if _, err := seam.New(tel); err == nil || !strings.Contains(err.Error(), "one for each process") {
		t.Errorf("got %v", err)
	}
}
