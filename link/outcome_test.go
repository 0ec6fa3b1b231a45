package link_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/inproc"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func TestRanTellsWhatWasMarked(t *testing.T) {
	t.Parallel()
	s := status.New(codes.Unavailable, "gone")
	for name, c := range map[string]struct {
		err  error
		want link.Outcome
	}{
		"no error is an answer":             {nil, link.Answered},
		"nobody knows of an unmarked error": {errors.New("x"), link.MayHaveRun},
		"nor of a bare status":              {s.Err(), link.MayHaveRun},
		"never sent":                        {link.Mark(s, link.NeverSent), link.NeverSent},
		"answered":                          {link.Mark(s, link.Answered), link.Answered},
		"may have run":                      {link.Mark(s, link.MayHaveRun), link.MayHaveRun},
		"a mark survives wrapping":          {fmt.Errorf("call: %w", link.Mark(s, link.NeverSent)), link.NeverSent},
		"and joining":                       {errors.Join(errors.New("x"), link.Mark(s, link.Answered)), link.Answered},
		"OK is no error":                    {link.Mark(status.New(codes.OK, ""), link.NeverSent), link.Answered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := link.Ran(c.err); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestAMarkedErrorIsTheStatusItWas(t *testing.T) {
	t.Parallel()
	plain, err := status.New(codes.Aborted, "torn").WithDetails(&emptypb.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	marked := link.Mark(plain, link.NeverSent)
	if got := status.Convert(marked); !proto.Equal(got.Proto(), plain.Proto()) {
		t.Errorf("the status is %v, want %v: an outcome never travels", got.Proto(), plain.Proto())
	}
	if marked.Error() != plain.Err().Error() || !errors.Is(marked, plain.Err()) {
		t.Errorf("the error is %v, want %v", marked, plain.Err())
	}
}

func TestOutcomesHaveWords(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[link.Outcome]string{
		link.NeverSent: "never sent", link.Answered: "answered", link.MayHaveRun: "may have run", 99: "may have run",
	} {
		if got := outcome.String(); got != want {
			t.Errorf("%d is %q, want %q", int(outcome), got, want)
		}
	}
}

// echo answers a call with what it was given.
type echo struct {
	linktestv1.UnimplementedExerciseServer
}

func (echo) Unary(_ context.Context, m *linktestv1.Message) (*linktestv1.Message, error) {
	return m, nil
}

func TestATeeRegistersOnEveryServer(t *testing.T) {
	t.Parallel()
	tee := make(link.Tee, 0, 2)
	for range 2 {
		s, err := inproc.Link{}.Listen(t.Context(), &url.URL{Scheme: "inproc"}, link.ListenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		tee = append(tee, s)
	}
	linktestv1.RegisterExerciseServer(tee, echo{})
	if len(tee.GetServiceInfo()) != 1 || len(tee.GetServiceInfo()["kerf.linktest.v1.Exercise"].Methods) != 5 {
		t.Errorf("it describes %v", tee.GetServiceInfo())
	}
	for _, s := range tee {
		go func() { _ = s.Serve() }()
		u, err := url.Parse(s.URL())
		if err != nil {
			t.Fatal(err)
		}
		conn, err := inproc.Link{}.Dial(u, link.DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := linktestv1.NewExerciseClient(conn).Unary(t.Context(), &linktestv1.Message{Text: "hi"})
		if err != nil || answer.GetText() != "hi" {
			t.Errorf("%s: %v, %v", s.URL(), answer, err)
		}
		_ = conn.Close()
	}
	if len(link.Tee{}.GetServiceInfo()) != 0 {
		t.Error("a tee of nothing serves something")
	}
}
