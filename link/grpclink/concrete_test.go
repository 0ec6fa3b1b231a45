package grpclink_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/grpclink"
	"github.com/kerf-go/kerf/link/inproc"
	"github.com/kerf-go/kerf/link/linktest"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// borrow serves over a link what register registers on a *grpc.Server, and gives a
// *grpc.ClientConn that calls it.
func borrow(t *testing.T, s linktest.Subject, register func(*grpc.Server)) *grpc.ClientConn {
	t.Helper()
	u := parse(t, s.URL)
	switch own := strings.ReplaceAll(t.Name(), "/", "-"); { // where names tell servers apart
	case u.Path != "":
		u.Path += own
	case u.Port() == "":
		u.Host += own
	}
	server, err := s.Link.Listen(t.Context(), u, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	register(grpclink.Server(server))
	serve(t, server)
	conn, err := s.Link.Dial(parse(t, server.URL()), link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cc := grpclink.ClientConn(conn)
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

// overEach runs a test over every link.
func overEach(t *testing.T, test func(*testing.T, linktest.Subject)) {
	t.Helper()
	for name, subject := range subjects(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, subject)
		})
	}
}

// collector takes spans as a collector does.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer
	names chan string
}

func (c collector) Export(
	_ context.Context, r *collectorpb.ExportTraceServiceRequest,
) (*collectorpb.ExportTraceServiceResponse, error) {
	c.names <- r.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()[0].GetName()
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

func TestAnExporterOfOpenTelemetrySendsOverEveryLink(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, subject linktest.Subject) {
		t.Helper()
		c := collector{names: make(chan string, 1)}
		cc := borrow(t, subject, func(s *grpc.Server) { collectorpb.RegisterTraceServiceServer(s, c) })
		exporter, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithGRPCConn(cc))
		if err != nil {
			t.Fatal(err)
		}
		provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
		_, span := provider.Tracer("").Start(t.Context(), "cut")
		span.End()
		if err := provider.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if name := <-c.names; name != "cut" {
			t.Errorf("the collector has the span %q", name)
		}
	})
}

// registerOld and oldClient are what protoc-gen-go generated before it knew
// grpc.ServiceRegistrar and grpc.ClientConnInterface.
func registerOld(s *grpc.Server, srv linktestv1.ExerciseServer) { //nolint:unparam // as generated
	s.RegisterService(&linktestv1.Exercise_ServiceDesc, srv)
}

type oldClient struct{ cc *grpc.ClientConn }

func (c oldClient) unary(ctx context.Context, in *linktestv1.Message, opts ...grpc.CallOption) (string, error) {
	out := new(linktestv1.Message)
	err := c.cc.Invoke(ctx, linktestv1.Exercise_Unary_FullMethodName, in, out, opts...)
	return out.GetText(), err
}

func (c oldClient) chat(ctx context.Context, text string) (string, error) {
	desc := &linktestv1.Exercise_ServiceDesc.Streams[2]
	s, err := c.cc.NewStream(ctx, desc, linktestv1.Exercise_Chat_FullMethodName)
	if err == nil {
		err = s.SendMsg(&linktestv1.Message{Text: text})
	}
	out := new(linktestv1.Message)
	if err == nil {
		err = s.RecvMsg(out)
	}
	return out.GetText(), err
}

func TestStubsOfOldGeneratorsCallOverEveryLink(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, subject linktest.Subject) {
		t.Helper()
		client := oldClient{borrow(t, subject, func(s *grpc.Server) { registerOld(s, echo{}) })}
		if text, err := client.unary(t.Context(), &linktestv1.Message{Text: "hi"}); err != nil || text != "hi" {
			t.Errorf("unary: %q, %v", text, err)
		}
		text, err := client.chat(t.Context(), "hi")
		if subject.Link.Capabilities().Streams && text != "hi" {
			t.Errorf("chat: %q, %v", text, err)
		}
		_, err = client.unary(t.Context(), &linktestv1.Message{Text: "fail"})
		if status.Code(err) != codes.Aborted || link.Ran(err) != link.Answered {
			t.Errorf("a failure: %v, %v", err, link.Ran(err))
		}
	})
}

// byHand describes a service whose unary handler passes its interceptor by, as no
// generator writes it.
func byHand(seen chan<- string) *grpc.ServiceDesc {
	handler := func(
		_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor,
	) (any, error) {
		in := new(linktestv1.Message)
		if err := decode(in); err != nil {
			return nil, err
		}
		md, _ := metadata.FromIncomingContext(ctx)
		_, bounded := ctx.Deadline()
		p, known := peer.FromContext(ctx)
		if !bounded || !known || p.Addr == nil {
			return nil, errors.New("neither the deadline nor the peer arrives")
		}
		seen <- strings.Join(md["key-bin"], " ")
		err := errors.Join(grpc.SetHeader(ctx, metadata.Pairs("above-bin", "\x01\xff")),
			grpc.SetTrailer(ctx, metadata.Pairs("below", "2", "below", "3")))
		if in.GetText() == "fail" {
			s, _ := status.New(codes.Aborted, "näh\n").WithDetails(durationpb.New(7))
			err = s.Err()
		}
		return in, err
	}
	return &grpc.ServiceDesc{
		ServiceName: linktestv1.Exercise_ServiceDesc.ServiceName, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Unary", Handler: handler}},
	}
}

func TestHandlersWrittenByHandLoseNothing(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, subject linktest.Subject) {
		t.Helper()
		seen := make(chan string, 1)
		cc := borrow(t, subject, func(s *grpc.Server) { s.RegisterService(byHand(seen), nil) })
		for _, text := range []string{"answer", "fail"} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var header, trailer metadata.MD
			got, err := oldClient{cc}.unary(metadata.AppendToOutgoingContext(ctx, "key-bin", "\x00", "key-bin", "v"),
				&linktestv1.Message{Text: text}, grpc.Header(&header), grpc.Trailer(&trailer))
			if arrived := <-seen; arrived != "\x00 v" {
				t.Errorf("metadata is %q", arrived)
			}
			if s := status.Convert(err); text == "fail" {
				if s.Code() != codes.Aborted || s.Message() != "näh\n" || len(s.Details()) != 1 {
					t.Errorf("the status is %v", s)
				}
			} else if got != text || err != nil {
				t.Errorf("the answer is %q, %v", got, err)
			}
			if above, below := header["above-bin"], trailer["below"]; len(above) != 1 || above[0] != "\x01\xff" ||
				strings.Join(below, "") != "23" || header["trailer"] != nil {
				t.Errorf("%s: header %v, trailer %v", text, header, trailer)
			}
		}
	})
}

func TestALentServerIsRegisteredAnywhere(t *testing.T) {
	t.Parallel()
	server := listen(t)
	grpclink.Register(server, func(s *grpc.Server) { registerOld(s, echo{}) })
	serve(t, server)
	conn := dial(t, server.URL())
	_, err := linktestv1.NewExerciseClient(conn).Unary(t.Context(), &linktestv1.Message{Text: "hi"})
	if err != nil {
		t.Error(err)
	}
}

func TestALentServerThatIsStoppedIsUnavailable(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, subject linktest.Subject) {
		t.Helper()
		var lent *grpc.Server
		client := oldClient{borrow(t, subject, func(s *grpc.Server) {
			lent = s
			registerOld(s, echo{})
		})}
		if _, err := client.unary(t.Context(), &linktestv1.Message{}); err != nil {
			t.Fatal(err)
		}
		lent.GracefulStop()
		if _, err := client.unary(t.Context(), &linktestv1.Message{}); status.Code(err) != codes.Unavailable {
			t.Error(err)
		}
	})
}

func TestALentServerServesNothingItself(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lent := grpclink.Server(listen(t))
	registerOld(lent, echo{})
	serve(t, grpclink.Serve(lent, l))
	client := oldClient{plain(t, "grpc://"+l.Addr().String())}
	_, err = client.unary(t.Context(), &linktestv1.Message{Text: "12345678"})
	_, chatErr := client.chat(t.Context(), "12345678")
	for _, err := range []error{err, chatErr} {
		if err == nil || !strings.Contains(err.Error(), "is lent") {
			t.Errorf("it answers %v", err)
		}
	}
}

// foreign is a server that can register nothing late.
type foreign struct{ link.Server }

func TestAServerThatCannotServeALentOneSaysSo(t *testing.T) {
	t.Parallel()
	server, err := inproc.Link{}.Listen(t.Context(), parse(t, "inproc://"), link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	registerOld(grpclink.Server(foreign{server}), echo{})
	if err := server.Serve(); err == nil || !strings.Contains(err.Error(), "lent grpc.Server") {
		t.Errorf("Serve tells %v", err)
	}
}
