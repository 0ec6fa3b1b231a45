package transcode

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	// headPatience is how long a stream's headers wait for its first message: if it
	// fails before, the client is told by an HTTP status.
	headPatience = 200 * time.Millisecond
	// heartbeat is how often a quiet stream of events is written to, so that nobody
	// between takes it for dead.
	heartbeat = 15 * time.Second

	linesType  = "application/x-ndjson"
	eventsType = "text/event-stream"
)

// stream answers with the messages of a server stream, each as soon as it is there.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, b *binding, request proto.Message) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	s, err := b.method.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, b.method.full)
	if err == nil {
		err = s.SendMsg(request)
	}
	if err == nil || errors.Is(err, io.EOF) { // what has failed, RecvMsg tells
		err = s.CloseSend()
	}
	if err != nil {
		WriteError(w, r, err)
		return
	}
	messages := make(chan received)
	defer func() {
		cancel()
		for range messages { // its reader has ended when it is closed
		}
	}()
	go func() {
		defer close(messages)
		for {
			m := b.method.out.New()
			err := s.RecvMsg(m.Interface())
			next := received{err: err}
			if err == nil {
				next.answer, next.err = h.answer(b, m)
			}
			select {
			case messages <- next:
			case <-ctx.Done():
				return
			}
			if next.err != nil {
				return
			}
		}
	}()
	out := &streamWriter{w: w, r: r, s: s, to: http.NewResponseController(w), events: prefers(r, eventsType)}
	out.run(messages)
}

// received is a message in its form for the client, or the stream's end.
type received struct {
	answer answer
	err    error
}

// streamWriter writes a stream's answers as lines, as events, or as they are
// (google.api.HttpBody).
type streamWriter struct {
	w      http.ResponseWriter
	r      *http.Request
	s      grpc.ClientStream
	to     *http.ResponseController
	events bool
	raw    bool
	begun  bool
}

func (o *streamWriter) run(messages <-chan received) {
	first := time.NewTimer(headPatience)
	defer first.Stop()
	beats := time.NewTicker(heartbeat)
	defer beats.Stop()
	for {
		var err error
		select {
		case next, ok := <-messages:
			switch {
			case !ok: // the client is gone
				return
			case next.err != nil:
				o.end(next.err)
				return
			}
			err = o.message(next.answer)
		case <-first.C:
			err = o.begin("")
		case <-beats.C:
			if o.begun && o.events {
				err = o.write([]byte(":\n\n"))
			}
		case <-o.r.Context().Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// begin sends the headers, once. A kind is that of bodies that go out as they are.
func (o *streamWriter) begin(kind string) error {
	if o.begun {
		return nil
	}
	o.begun = true
	h := o.w.Header()
	if o.raw = kind != ""; !o.raw {
		h.Add("Vary", "Accept")
		if kind = linesType; o.events {
			kind = eventsType
		}
	}
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	o.w.WriteHeader(http.StatusOK)
	return o.to.Flush()
}

func (o *streamWriter) message(a answer) error {
	if !o.begun {
		if header, err := o.s.Header(); err == nil {
			writeMetadata(o.w.Header(), header)
		}
	}
	kind := ""
	if a.kind != jsonType {
		kind = a.kind
	}
	if err := o.begin(kind); err != nil {
		return err
	}
	switch {
	case o.raw:
		return o.write(a.body)
	case o.events:
		return o.event("", a.body)
	}
	return o.line("result", a.body)
}

func (o *streamWriter) event(name string, body []byte) error {
	var event bytes.Buffer
	if name != "" {
		event.WriteString("event: " + name + "\n")
	}
	event.WriteString("data: ")
	if err := json.Compact(&event, body); err != nil {
		return err
	}
	event.WriteString("\n\n")
	return o.write(event.Bytes())
}

// line tells what it holds: no message can be taken for an error.
func (o *streamWriter) line(name string, body []byte) error {
	var line bytes.Buffer
	line.WriteString(`{"` + name + `":`)
	if err := json.Compact(&line, body); err != nil {
		return err
	}
	line.WriteString("}\n")
	return o.write(line.Bytes())
}

func (o *streamWriter) write(b []byte) error {
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	return o.to.Flush()
}

// end tells how the stream ended. Bodies that go out as they are have no place for an
// error: the connection is cut, so that nobody takes them for whole.
func (o *streamWriter) end(err error) {
	over := errors.Is(err, io.EOF)
	switch {
	case !over && !o.begun:
		writeFailure(o.w, o.r, err, o.s.Trailer())
	case o.begin("") != nil:
	case o.raw && !over:
		panic(http.ErrAbortHandler) //nolint:forbidigo // how net/http is told
	case o.raw:
	case !over && o.events:
		_ = o.event("error", statusJSON(status.Convert(err)))
	case !over:
		_ = o.line("error", statusJSON(status.Convert(err)))
	case o.events:
		_ = o.event("end", []byte("{}"))
	}
}

// refuseStream is what a method gets whose request would be a stream.
func refuseStream(m *method) error {
	return status.Errorf(codes.Unimplemented,
		"%s takes a stream, which JSON over HTTP has no form for: call it by gRPC, gRPC-Web or Connect", m.full)
}
