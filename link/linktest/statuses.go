package linktest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

func statusRows() []row {
	return []row{
		{name: "every code arrives with its message", run: everyCode},
		{name: "every code of a stream arrives with its message", run: everyCodeOfStream, streams: true},
		{name: "codes that nobody defined arrive", run: answersWith(undefinedCodes)},
		{name: "a plain error of a handler is Unknown with its text", run: answersWith(plainErrors)},
		{name: "a context error of a handler is Canceled or DeadlineExceeded", run: answersWith(contextErrors)},
		{name: "a wrapped status keeps its code", run: answersWith(wrappedStatuses)},
		{
			name: "messages keep Unicode, line ends, percent signs and emptiness", run: answersWith(oddMessages),
			message: 8 << 10,
		},
		{name: "a message that is no UTF-8 is treated as grpc treats it", run: answersWith(brokenMessages)},
		{name: "an error that claims to be OK is treated as grpc treats it", run: okAnswers},
		{name: "details of a status arrive in order", run: answersWith(detailed)},
		{name: "details of 64 KiB arrive", run: answersWith(largeDetails), message: 1 << 17},
		{name: "details of a stream arrive", run: detailsOfStream, streams: true},
		{name: "of a reply and an error the error counts", run: replyAndError},
		{name: "the caller gets a status and not the error value of the handler", run: noErrorValue},
		{name: "a method left unimplemented says so", run: unimplementedMethod},
	}
}

func everyCode(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		return m, status.Error(codes.Code(m.GetNumber()), "message of "+strconv.FormatInt(m.GetNumber(), 10))
	}})
	for c := range int64(17) {
		_, err := b.client.Unary(s.ctx, &message{Number: c})
		s.status(codes.Code(c).String(), err)
	}
}

func everyCodeOfStream(s *side) {
	b := s.serve(exercise{download: func(m *message, _ downloadServer) error {
		return status.Error(codes.Code(m.GetNumber()), "message of "+strconv.FormatInt(m.GetNumber(), 10))
	}})
	for c := range int64(17) {
		stream, err := b.client.Download(s.ctx, &message{Number: c})
		s.must("download", err)
		s.drain(codes.Code(c).String(), stream.Recv)
	}
}

// answersWith has the handler answer with each of some errors.
func answersWith(made func() []error) func(*side) {
	return func(s *side) {
		answers := made()
		b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
			return nil, answers[m.GetNumber()]
		}})
		for i := range answers {
			_, err := b.client.Unary(s.ctx, &message{Number: int64(i)})
			s.status("answer "+strconv.Itoa(i), err)
		}
	}
}

func undefinedCodes() []error {
	return []error{status.Error(17, "seventeen"), status.Error(99, "ninety-nine"), status.Error(1<<31-1, "many")}
}

func plainErrors() []error {
	return []error{errors.New("plain"), fmt.Errorf("wrapped: %w", errors.New("plain")), errors.New("")}
}

func contextErrors() []error {
	return []error{
		context.Canceled, context.DeadlineExceeded,
		fmt.Errorf("query: %w", context.Canceled), fmt.Errorf("query: %w", context.DeadlineExceeded),
		errors.Join(errors.New("first"), context.Canceled),
	}
}

func wrappedStatuses() []error {
	return []error{
		fmt.Errorf("wrapped: %w", status.Error(codes.NotFound, "gone")),
		errors.Join(errors.New("first"), status.Error(codes.NotFound, "gone")),
		fmt.Errorf("%w and %w", status.Error(codes.NotFound, "gone"), context.Canceled),
	}
}

func oddMessages() []error {
	messages := []string{
		"", "ä ö ü ß \u6f22\u5b57 🦔 \u200d", "first\nsecond\r\nthird\r", "100% %41 %zz %",
		" spaces at both ends ", "tab\tand\x00zero\x7f",
		`"quoted" 'so' <b>&amp;</b> \n {"a":1}`, strings.Repeat("long ä ", 500),
	}
	answers := make([]error, 0, len(messages))
	for _, m := range messages {
		answers = append(answers, status.Error(codes.Aborted, m))
	}
	return answers
}

func brokenMessages() []error {
	return []error{status.Error(codes.Aborted, "not \xff UTF-8 \xc3"), errors.New("plain \xfe")}
}

type okError struct{}

func (okError) Error() string              { return "claims to be OK" }
func (okError) GRPCStatus() *status.Status { return status.New(codes.OK, "fine") }

type nilStatusError struct{}

func (nilStatusError) Error() string              { return "has no status" }
func (nilStatusError) GRPCStatus() *status.Status { return nil }

func okErrors() []error {
	return []error{okError{}, nilStatusError{}, fmt.Errorf("wrapped: %w", okError{}), nil}
}

// okAnswers notes only codes: what grpc-go makes of such an answer, its caller does.
func okAnswers(s *side) {
	answers := okErrors()
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		return m, answers[m.GetNumber()]
	}})
	for i := range answers {
		_, err := b.client.Unary(s.ctx, &message{Number: int64(i)})
		s.code("answer "+strconv.Itoa(i), err)
	}
}

func withDetails(details ...proto.Message) error {
	st := status.New(codes.ResourceExhausted, "see details: ä\n%")
	for _, d := range details {
		with, err := st.WithDetails(protoadapt.MessageV1Of(d))
		if err != nil {
			return err
		}
		st = with
	}
	return st.Err()
}

func detailed() []error {
	inner, err := anypb.New(text("inner"))
	unknown := &anypb.Any{TypeUrl: "type.googleapis.com/nobody.knows.This", Value: []byte{1, 2, 255}}
	stranger := status.FromProto(status.New(codes.Aborted, "stranger").Proto()).Proto()
	stranger.Details = append(stranger.Details, unknown)
	return []error{
		err, withDetails(text("one")), withDetails(text("one"), durationpb.New(2), text("three"), text("one")),
		withDetails(inner), withDetails(&message{}), status.FromProto(stranger).Err(),
	}
}

func largeDetails() []error { return []error{withDetails(sized(64 << 10))} }

func detailsOfStream(s *side) {
	b := s.serve(exercise{download: func(_ *message, stream downloadServer) error {
		s.code("send", stream.Send(text("x")))
		return withDetails(text("one"), durationpb.New(2))
	}})
	stream, err := b.client.Download(s.ctx, text("x"))
	s.must("download", err)
	s.drain("download", stream.Recv)
}

func replyAndError(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) { return m, errRefused() }})
	reply := text("untouched")
	err := b.conn.Invoke(s.ctx, "/kerf.linktest.v1.Exercise/Unary", text("x"), reply)
	s.status("call", err)
	s.message("reply", reply)
}

type ownError struct{ secret string }

func (e *ownError) Error() string { return "own" }

func noErrorValue(s *side) {
	sentinel := &ownError{secret: "s"}
	b := s.serve(exercise{unary: func(context.Context, *message) (*message, error) {
		return nil, fmt.Errorf("wrapped: %w", sentinel)
	}})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
	s.note("is the sentinel", errors.Is(err, sentinel))
	var own *ownError
	s.note("is of its type", errors.As(err, &own))
}

func unimplementedMethod(s *side) {
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		return exercise{}.UnimplementedExerciseServer.Unary(ctx, m)
	}})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
}
