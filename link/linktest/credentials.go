package linktest

import (
	"context"
	"errors"
	"path"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func credentialRows() []row {
	return []row{
		{name: "credentials of a call arrive as metadata", run: credentialsArrive},
		{name: "credentials of a stream arrive as metadata", run: credentialsOfStream, streams: true},
		{name: "credentials are asked with the service that is called", run: credentialsURI},
		{name: "credentials that demand a secure transport are refused on a plain one", run: secureCredentials},
		{name: "credentials that fail plainly make the call Internal", run: failingCredentials(
			errors.New("no token"))},
		{name: "credentials that fail with a status give the call its code", run: failingCredentials(
			status.Error(codes.Unavailable, "no token yet"))},
		{name: "credentials that fail with a code that only servers may use are Internal", run: failingCredentials(
			status.Error(codes.NotFound, "no token here"))},
	}
}

// token is a PerRPCCredentials for cases.
type token struct {
	secure bool
	err    error
	asked  func(uri string)
}

var _ credentials.PerRPCCredentials = token{}

func (t token) GetRequestMetadata(_ context.Context, uri ...string) (map[string]string, error) {
	if t.asked != nil {
		t.asked(strings.Join(uri, " "))
	}
	return map[string]string{"authorization": "Bearer abc", "Second-Token": "def"}, t.err
}

func (t token) RequireTransportSecurity() bool { return t.secure }

func noteCredentials(s *side) exercise {
	note := func(ctx context.Context) {
		md, _ := metadata.FromIncomingContext(ctx)
		s.metadata("metadata", md)
	}
	return exercise{
		unary: func(ctx context.Context, m *message) (*message, error) {
			note(ctx)
			return m, nil
		},
		upload: func(stream uploadServer) error {
			note(stream.Context())
			return stream.SendAndClose(text("y"))
		},
	}
}

func credentialsArrive(s *side) {
	b := s.serve(noteCredentials(s))
	ctx := metadata.AppendToOutgoingContext(s.ctx, "other", "1")
	_, err := b.client.Unary(ctx, text("x"), grpc.PerRPCCredentials(token{}))
	s.status("call", err)
}

func credentialsOfStream(s *side) {
	b := s.serve(noteCredentials(s))
	stream, err := b.client.Upload(s.ctx, grpc.PerRPCCredentials(token{}))
	s.must("upload", err)
	reply, err := stream.CloseAndRecv()
	s.status("call", err)
	s.message("reply", reply)
}

func credentialsURI(s *side) {
	b := s.serve(exercise{})
	creds := token{asked: func(uri string) {
		service := path.Base(uri)
		s.note("service", service)
	}}
	_, err := b.client.Unary(s.ctx, text("x"), grpc.PerRPCCredentials(creds))
	s.status("call", err)
}

func secureCredentials(s *side) {
	b := s.serve(noteCredentials(s))
	_, err := b.client.Unary(s.ctx, text("x"), grpc.PerRPCCredentials(token{secure: true}))
	s.code("call", err)
}

func failingCredentials(failure error) func(*side) {
	return func(s *side) {
		_, err := s.serve(exercise{}).client.Unary(s.ctx, text("x"), grpc.PerRPCCredentials(token{err: failure}))
		s.code("call", err)
	}
}
