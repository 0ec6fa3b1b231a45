package linktest

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func flowRows() []row {
	return []row{
		{
			name: "a handler that reads slowly bounds what the caller gets rid of", run: slowHandler,
			streams: true, message: piece,
		},
		{
			name: "a caller that reads slowly bounds what the handler gets rid of", run: slowCaller,
			streams: true, message: piece,
		},
		{name: "slow streams delay no other call", run: slowBeside, streams: true, message: piece},
		{name: "abandoned streams free their goroutines", run: abandoned, alone: true, streams: true},
		{name: "calls free their goroutines", run: callsFree, alone: true},
	}
}

const (
	piece  = 96 << 10 // bytes of one message
	pieces = 512      // what the writer wants to send: 48 MiB
	// most is how many a link may take for a reader who takes none: 24 MiB. grpc-go
	// lets the window of one stream grow to 16 MiB when the connection is fast.
	most = 256
)

// stalled waits until the writers no longer get on, and tells how much they got
// rid of.
func stalled(s *side, sent *atomic.Int64) int64 {
	before := int64(-1)
	for {
		now := sent.Load()
		if now == before {
			return now
		}
		before = now
		if !pause(s.ctx, 300*time.Millisecond) {
			s.failf("the writer never stalled nor ended")
			return now
		}
	}
}

// write sends all pieces with their numbers and counts them.
func write(send func(*message) error, sent *atomic.Int64) error {
	payload := make([]byte, piece)
	for i := range int64(pieces) {
		if err := send(&message{Number: i, Payload: payload}); err != nil {
			return err
		}
		sent.Add(1)
	}
	return nil
}

// read takes pieces until the end and tells how many came in order.
func read(recv func() (*message, error)) (inOrder int64, err error) {
	err = receive(recv, func(m *message) error {
		if m.GetNumber() == inOrder {
			inOrder++
		}
		return nil
	})
	return inOrder, err
}

func slowHandler(s *side) {
	release := make(chan struct{})
	b := s.serve(exercise{upload: func(stream uploadServer) error {
		s.waitIn(stream.Context(), "release", release)
		count, err := read(stream.Recv)
		if err != nil {
			return err
		}
		return stream.SendAndClose(&message{Number: count})
	}})
	stream, err := b.client.Upload(s.ctx)
	s.must("upload", err)
	var sent atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.code("write", write(stream.Send, &sent))
	}()
	s.note("bounded", stalled(s, &sent) <= most)
	close(release)
	s.await("end of the writer", done)
	reply, err := stream.CloseAndRecv()
	s.status("upload", err)
	s.note("received in order", reply.GetNumber())
}

func slowCaller(s *side) {
	var sent atomic.Int64
	b := s.serve(exercise{download: func(_ *message, stream downloadServer) error {
		return write(stream.Send, &sent)
	}})
	stream, err := b.client.Download(s.ctx, text("x"))
	s.must("download", err)
	_, err = stream.Header()
	s.code("header", err)
	s.note("bounded", stalled(s, &sent) <= most)
	count, err := read(stream.Recv)
	s.code("read", err)
	s.note("received in order", count)
}

// slowBeside fills several streams that nobody reads, and calls beside them.
func slowBeside(s *side) {
	release := make(chan struct{})
	b := s.serve(exercise{
		upload: func(stream uploadServer) error {
			s.waitIn(stream.Context(), "release", release)
			return stream.SendAndClose(text("y"))
		},
		download: func(_ *message, stream downloadServer) error { return write(stream.Send, new(atomic.Int64)) },
	})
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	var writers sync.WaitGroup
	var sent atomic.Int64
	for range 4 {
		up, err := b.client.Upload(ctx)
		s.must("upload", err)
		writers.Go(func() { _ = write(up.Send, &sent) })
		_, err = b.client.Download(ctx, text("x"))
		s.must("download", err)
	}
	stalled(s, &sent)
	for i := range 20 {
		_, err := b.client.Unary(s.ctx, sized(piece))
		s.code(fmt.Sprint("call ", i), err)
	}
	close(release)
	cancel()
	writers.Wait()
}

// settles tells whether the number of goroutines comes back to what it was, but
// for a few that a link may keep for later calls.
func settles(s *side, before int) bool {
	const kept = 100
	err := s.eventually(func() error {
		if now := runtime.NumGoroutine(); now > before+kept {
			return fmt.Errorf("%d goroutines, before %d", now, before)
		}
		return nil
	})
	if err != nil {
		s.failf("goroutines are left: %v", err)
	}
	return err == nil
}

func abandoned(s *side) {
	const streams = 300
	var ended atomic.Int64
	b := s.serve(exercise{
		chat: func(stream chatServer) error {
			defer ended.Add(1)
			for stream.Send(sized(4<<10)) == nil {
			}
			return status.Error(codes.Canceled, "gone")
		},
	})
	_, err := b.client.Unary(s.ctx, text("connect"))
	s.must("connect", err)
	before := runtime.NumGoroutine()
	for range streams {
		ctx, cancel := context.WithCancel(s.ctx)
		stream, err := b.client.Chat(ctx)
		if err == nil {
			_, err = stream.Recv()
		}
		s.code("receive", err)
		cancel() // and never another look at the stream
	}
	s.note("freed", settles(s, before))
	s.must("end of every handler", s.eventually(func() error {
		if n := ended.Load(); n != streams {
			return fmt.Errorf("%d of %d have ended", n, streams)
		}
		return nil
	}))
}

func callsFree(s *side) {
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		<-ctx.Done()
		return m, status.FromContextError(ctx.Err()).Err()
	}})
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	for range 300 {
		wg.Go(func() {
			_, err := b.client.Unary(ctx, text("x"))
			s.code("call", err)
		})
	}
	wg.Wait()
	s.note("freed", settles(s, before))
}
