package linktest

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

func streamTeeth() []tooth {
	return []tooth{
		{
			name: "messages change places", row: "1000 messages both ways at once keep their order",
			broken: broken{streams: swaps},
		},
		{name: "messages are doubled", row: "an upload is answered once", broken: broken{streams: doubles}},
		{
			name:   "half-close is lost",
			row:    "after half-close the handler sees the end and the caller keeps receiving",
			broken: broken{streams: losesHalfClose},
		},
		{
			name: "half-close ends the stream", row: "CloseSend twice does no harm",
			broken: broken{streams: closesTwiceBadly},
		},
		{
			name: "received messages are merged", row: "RecvMsg of the caller replaces what was in the message",
			broken: broken{streams: mergesMessages},
		},
		{
			name: "messages are encoded late", row: "a message changed after it was sent arrives as it was",
			broken: broken{streams: sendsLate},
		},
		{
			name: "Header does not wait", row: "Header of a stream waits for the header",
			broken: broken{streams: headerAtOnce},
		},
		{
			name: "the header comes after the trailer", row: "a header travels before the reply",
			broken: broken{streams: headerAtEnd},
		},
		{
			name:   "the end is not noticed by SendMsg",
			row:    "SendMsg after the end of a stream is EOF, and RecvMsg tells why",
			broken: broken{streams: sendsForEver},
		},
		{
			name: "messages queue without bound", row: "a handler that reads slowly bounds what the caller gets rid of",
			broken: broken{streams: queues},
		},
		{name: "slow streams hold a lock", row: "slow streams delay no other call", broken: locked()},
		{
			name: "streams leak goroutines", row: "abandoned streams free their goroutines",
			broken: broken{streams: leaks},
		},
	}
}

func swaps(next grpc.ClientStream) grpc.ClientStream {
	var held any
	return &brokenStream{ClientStream: next, send: func(m any) error {
		if held == nil {
			held = m
			return nil
		}
		first := held
		held = nil
		return errors.Join(next.SendMsg(m), next.SendMsg(first))
	}}
}

func doubles(next grpc.ClientStream) grpc.ClientStream {
	return &brokenStream{ClientStream: next, send: func(m any) error {
		return errors.Join(next.SendMsg(m), next.SendMsg(m))
	}}
}

func losesHalfClose(next grpc.ClientStream) grpc.ClientStream {
	return &brokenStream{ClientStream: next, closeSend: func() error { return nil }}
}

func closesTwiceBadly(next grpc.ClientStream) grpc.ClientStream {
	once := false
	return &brokenStream{ClientStream: next, closeSend: func() error {
		if once {
			return io.ErrClosedPipe
		}
		once = true
		return next.CloseSend()
	}}
}

func mergesMessages(next grpc.ClientStream) grpc.ClientStream {
	return &brokenStream{ClientStream: next, recv: func(m any) error {
		fresh := new(message)
		err := next.RecvMsg(fresh)
		proto.Merge(m.(proto.Message), fresh)
		return err
	}}
}

// sendsLate sends when the caller next receives.
func sendsLate(next grpc.ClientStream) grpc.ClientStream {
	var waiting []any
	return &brokenStream{
		ClientStream: next,
		send: func(m any) error {
			waiting = append(waiting, m)
			return nil
		},
		recv: func(m any) error {
			for _, w := range waiting {
				_ = next.SendMsg(w)
			}
			waiting = nil
			return next.RecvMsg(m)
		},
	}
}

func headerAtOnce(next grpc.ClientStream) grpc.ClientStream {
	return &brokenStream{ClientStream: next, header: func() (metadata.MD, error) { return nil, nil }}
}

func headerAtEnd(next grpc.ClientStream) grpc.ClientStream {
	ended := make(chan struct{})
	return &brokenStream{
		ClientStream: next,
		recv: func(m any) error {
			err := next.RecvMsg(m)
			if err != nil {
				close(ended)
			}
			return err
		},
		header: func() (metadata.MD, error) {
			select {
			case <-ended:
			case <-next.Context().Done():
			}
			return next.Header()
		},
	}
}

func sendsForEver(next grpc.ClientStream) grpc.ClientStream {
	return &brokenStream{ClientStream: next, send: func(m any) error {
		_ = next.SendMsg(m)
		return nil
	}}
}

// queues takes every message at once and sends it in its own time.
func queues(next grpc.ClientStream) grpc.ClientStream {
	queue := make(chan any, 2*pieces)
	go func() {
		for m := range queue {
			_ = next.SendMsg(m)
		}
		_ = next.CloseSend()
	}()
	return &brokenStream{
		ClientStream: next,
		send: func(m any) error {
			queue <- m
			return nil
		},
		closeSend: func() error {
			close(queue)
			return nil
		},
	}
}

// locked sends one message at a time, of all the calls on a conn.
func locked() broken {
	var mu sync.Mutex // is the defect
	return broken{
		streams: func(next grpc.ClientStream) grpc.ClientStream {
			return &brokenStream{ClientStream: next, send: func(m any) error {
				mu.Lock()
				defer mu.Unlock()
				return next.SendMsg(m)
			}}
		},
		invokes: func(ctx context.Context, next invoke, request, reply any) error {
			mu.Lock()
			defer mu.Unlock()
			return next(ctx, request, reply)
		},
	}
}

// leaked is longer than the suite looks for what is left, and ends before goleak looks.
const leaked = 4 * time.Second

// leaks starts a goroutine for each stream that outlives it.
func leaks(next grpc.ClientStream) grpc.ClientStream {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(next.Context()), leaked)
	go func() {
		defer cancel()
		<-ctx.Done()
	}()
	return next
}
