package main

import (
	"context"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// stream joins a handler that sends and a caller that receives. A slow caller
// slows the handler.
type stream[T any] struct {
	ctx      context.Context //nolint:containedctx // of the one call
	messages chan *T
	begun    chan struct{} // closed when the handler sends headers, or anything
	begin    sync.Once
	ended    chan struct{} // closed after err is set, when the handler has returned
	err      error
}

var (
	_ grpc.ServerStreamingServer[int] = serverEnd[int]{}
	_ grpc.ServerStreamingClient[int] = clientEnd[int]{}
)

// serve runs a handler for as long as ctx, and gives the caller's end.
func serve[T any](ctx context.Context, handle func(grpc.ServerStreamingServer[T]) error) clientEnd[T] {
	s := &stream[T]{ctx: ctx, messages: make(chan *T), begun: make(chan struct{}), ended: make(chan struct{})}
	go func() { // ends with ctx, which the caller must end
		defer close(s.ended)
		s.err = handle(serverEnd[T]{stream: s})
	}()
	return clientEnd[T]{stream: s}
}

// serverEnd is what the handler sees. Of the embedded interface it needs nothing else.
type serverEnd[T any] struct {
	grpc.ServerStream
	stream *stream[T]
}

// Context ends with the call.
func (e serverEnd[T]) Context() context.Context { return e.stream.ctx }

// SendHeader tells the caller that the handler is there. Nobody reads the headers.
func (e serverEnd[T]) SendHeader(metadata.MD) error {
	e.stream.begin.Do(func() { close(e.stream.begun) })
	return nil
}

// Send waits until the caller takes the message.
func (e serverEnd[T]) Send(m *T) error {
	e.stream.begin.Do(func() { close(e.stream.begun) })
	select {
	case e.stream.messages <- m:
		return nil
	case <-e.stream.ctx.Done():
		return status.FromContextError(e.stream.ctx.Err()).Err()
	}
}

// clientEnd is what the caller sees.
type clientEnd[T any] struct {
	grpc.ClientStream
	stream *stream[T]
}

// Context is the caller's own.
func (e clientEnd[T]) Context() context.Context { return e.stream.ctx }

// Header waits until the handler is there, or has refused.
func (e clientEnd[T]) Header() (metadata.MD, error) {
	select {
	case <-e.stream.begun:
		return metadata.MD{}, nil
	case <-e.stream.ended:
		if e.stream.err == nil {
			return metadata.MD{}, nil
		}
		return nil, e.stream.err
	case <-e.stream.ctx.Done():
		return nil, status.FromContextError(e.stream.ctx.Err()).Err()
	}
}

// Recv gives the next message, io.EOF at the end, or the handler's error.
func (e clientEnd[T]) Recv() (*T, error) {
	select {
	case m := <-e.stream.messages:
		return m, nil
	case <-e.stream.ended:
		if e.stream.err == nil {
			return nil, io.EOF
		}
		return nil, e.stream.err
	case <-e.stream.ctx.Done():
		return nil, status.FromContextError(e.stream.ctx.Err()).Err()
	}
}
