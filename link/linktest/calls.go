package linktest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func callRows() []row {
	return []row{
		{name: "a unary call answers with the reply of the handler", run: unaryAnswers},
		{name: "a method that answers Empty answers", run: emptyAnswers},
		{name: "an unknown service is Unimplemented", run: unknownService},
		{name: "an unknown method is Unimplemented", run: unknownMethod},
		{name: "an unknown service or method of a stream is Unimplemented", run: unknownStreams, streams: true},
		{name: "a malformed method name is an error and no panic", run: malformedMethods},
		{name: "a malformed method name of a stream is an error and no panic", run: malformedStreams, streams: true},
		{name: "500 calls at once get each its own answer", run: manyCalls},
		{name: "the caller is told its peer", run: callerPeer},
		{name: "the caller is told its peer when the call fails", run: callerPeerOnError},
		{name: "the handler is told its peer", run: handlerPeer},
		{name: "the user agent of the conn comes first in that of the call", run: userAgent},
	}
}

func unaryAnswers(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		s.message("request", m)
		return text("answer to " + m.GetText()), nil
	}})
	reply, err := b.client.Unary(s.ctx, text("question"))
	s.status("call", err)
	s.message("reply", reply)
}

func emptyAnswers(s *side) {
	reply, err := s.serve(exercise{}).client.Tell(s.ctx, text("news"))
	s.status("call", err)
	s.message("reply", reply)
}

func unknownService(s *side) {
	b := s.serve(exercise{})
	err := b.conn.Invoke(s.ctx, "/kerf.linktest.v1.Nobody/Unary", text("x"), new(message))
	s.code("call", err)
}

func unknownMethod(s *side) {
	b := s.serve(exercise{})
	err := b.conn.Invoke(s.ctx, "/kerf.linktest.v1.Exercise/Nothing", text("x"), new(message))
	s.code("call", err)
}

func unknownStreams(s *side) {
	b := s.serve(exercise{})
	for _, name := range []string{"/kerf.linktest.v1.Nobody/Chat", "/kerf.linktest.v1.Exercise/Nothing"} {
		stream, err := b.conn.NewStream(s.ctx, &linktestv1.Exercise_ServiceDesc.Streams[2], name)
		s.must("stream", err)
		s.note(name, s.sendUntilError(&grpc.GenericClientStream[message, message]{ClientStream: stream}))
		s.status(name, stream.RecvMsg(new(message)))
		s.header(stream)
	}
}

func malformed() []string {
	const service = "kerf.linktest.v1.Exercise"
	return []string{
		"", "/", "//", "x", "/x", "x/y", "/a/b/c", "/" + service, "/" + service + "/", service + "/Unary",
		"//Unary", "/" + service + "/Unary/", "/" + service + "/unary",
	}
}

func malformedMethods(s *side) {
	b := s.serve(exercise{})
	for _, name := range malformed() {
		s.code("call "+strconv.Quote(name), b.conn.Invoke(s.ctx, name, text("x"), new(message)))
	}
	_, err := b.client.Unary(s.ctx, text("x"))
	s.code("a good call afterwards", err)
}

func malformedStreams(s *side) {
	b := s.serve(exercise{})
	for _, name := range malformed() {
		stream, err := b.conn.NewStream(s.ctx, &linktestv1.Exercise_ServiceDesc.Streams[2], name)
		if err == nil {
			err = stream.RecvMsg(new(message))
		}
		s.code("stream "+strconv.Quote(name), err)
	}
}

func manyCalls(s *side) {
	const calls = 500
	b := s.serve(exercise{})
	var (
		mu   sync.Mutex // guards good
		good int
		wg   sync.WaitGroup
	)
	for i := range calls {
		wg.Go(func() {
			want := &message{Number: int64(i), Text: fmt.Sprint("call ", i)}
			var header metadata.MD
			got, err := b.client.Unary(s.ctx, want, grpc.Header(&header))
			if err != nil || !proto.Equal(got, want) {
				s.failf("call %d: got %v, %v", i, got, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			good++
		})
	}
	wg.Wait()
	s.note("good calls", good)
}

func callerPeer(s *side) {
	var p peer.Peer
	_, err := s.serve(exercise{}).client.Unary(s.ctx, text("x"), grpc.Peer(&p))
	s.status("call", err)
	s.note("peer has an address", p.Addr != nil)
}

func callerPeerOnError(s *side) {
	var p peer.Peer
	b := s.serve(exercise{unary: func(context.Context, *message) (*message, error) { return nil, errRefused() }})
	_, err := b.client.Unary(s.ctx, text("x"), grpc.Peer(&p))
	s.status("call", err)
	s.note("peer has an address", p.Addr != nil)
}

func handlerPeer(s *side) {
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		p, ok := peer.FromContext(ctx)
		s.note("peer", ok, ok && p.Addr != nil)
		return m, nil
	}})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
}

func userAgent(s *side) {
	const agent = "exercise/1.0"
	b := s.serveWith(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		seen := strings.Join(md["user-agent"], " and ")
		s.note("user agent", strings.HasPrefix(seen, agent+" "), len(md["user-agent"]))
		return m, nil
	}}, link.ListenOptions{}, link.DialOptions{UserAgent: agent})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
}
