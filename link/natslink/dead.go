package natslink

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/link"
)

// Headers of a dead letter, beside the request's own.
const (
	statusHeader   = "Kerf-Status"   // a google.rpc.Status in base64
	attemptsHeader = "Kerf-Attempts" // how many there were
	acceptedHeader = "Kerf-Accepted" // when the queue took the request
)

// bury makes a request a dead letter. It stays in the queue until that is certain.
func (w *worker) bury(from source, m jetstream.Msg, why *status.Status) {
	l := letter{Msg: nats.NewMsg(deadSubject(w.server.subject))}
	l.Data = m.Data()
	maps.Copy(l.Header, m.Headers())
	if meta, err := m.Metadata(); err == nil {
		l.Header.Set(attemptsHeader, strconv.FormatUint(min(meta.NumDelivered, maxAttempts), 10))
		l.Header.Set(acceptedHeader, meta.Timestamp.UTC().Format(time.RFC3339Nano))
	}
	l.Header.Set(statusHeader, writeStatus(why))
	ctx := context.Background() // each step has its bound
	p, err := piecesOf(from.requests, m.Subject(), m.Headers())
	if err == nil && p.size > 0 {
		l.size, l.body = p.size, p.all(ctx)
	}
	_, _, err = store(ctx, from.js, deadConfig(w.server.subject), l)
	if errors.Is(err, errPieces) { // what there is tells more than nothing
		l.size, l.body = 0, nil
		_, _, err = store(ctx, from.js, deadConfig(w.server.subject), l)
	}
	log := w.log.With("request", nameOf(m), "code", why.Code(), "error", why.Message())
	if err != nil {
		log.Error("an accepted request failed for good and cannot be kept as a dead letter", "reason", err)
		_ = m.NakWithDelay(w.quiet)
		return
	}
	log.Error("an accepted request failed for good: see the dead letters")
	w.finish(from, m, deadMark)
}

// deadLetters are those of the subjects below one.
type deadLetters struct {
	broker  *nats.Conn
	js      jetstream.JetStream
	subject string
}

var _ link.DeadLetterer = Link{}

// DeadLetters opens those of nats://host:port/subject and all subjects below.
func (l Link) DeadLetters(_ context.Context, u *url.URL) (link.DeadLetters, error) {
	if err := check(u); err != nil {
		return nil, fmt.Errorf("dead letters of %q: %w", u.Redacted(), err)
	}
	broker, err := connect(settings(u, nil, l.every()), u)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(broker)
	if err != nil {
		return nil, err
	}
	return &deadLetters{broker, js, subjectOf(u)}, nil
}

func (d *deadLetters) Close() { d.broker.Close() }

// List reads them all, the oldest of each subject first.
func (d *deadLetters) List(ctx context.Context) ([]link.DeadLetter, error) {
	var all []link.DeadLetter
	streams := d.js.ListStreams(ctx, jetstream.WithStreamListSubject(d.subject+".>"))
	for info := range streams.Info() {
		subject := info.Config.Metadata["subject"]
		if info.Config.Name != streamName("dead", subject) {
			continue
		}
		stream, err := d.js.Stream(ctx, info.Config.Name)
		if err != nil {
			return nil, err
		}
		letters, err := read(ctx, stream, subject)
		if err != nil {
			return nil, err
		}
		all = append(all, letters...)
	}
	return all, streams.Err()
}

func read(ctx context.Context, stream jetstream.Stream, subject string) ([]link.DeadLetter, error) {
	var all []link.DeadLetter
	for m, err := range lettersOf(ctx, stream, subject) {
		if err != nil {
			return nil, err
		}
		l := letterOf(subject, m)
		if p, unclear := piecesOf(stream, m.Subject, m.Header); unclear == nil && p.size > 0 {
			if l.Message, err = p.join(ctx); err != nil && !errors.Is(err, errPieces) {
				return nil, err
			}
		}
		all = append(all, l)
	}
	return all, nil
}

// lettersOf are those of a subject, the oldest first.
func lettersOf(
	ctx context.Context, stream jetstream.Stream, subject string,
) iter.Seq2[*jetstream.RawStreamMsg, error] {
	return func(yield func(*jetstream.RawStreamMsg, error) bool) {
		for next := uint64(1); ; {
			m, err := stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject(deadSubject(subject)))
			if errors.Is(err, jetstream.ErrMsgNotFound) || !yield(m, err) || err != nil {
				return
			}
			next = m.Sequence + 1
		}
	}
}

func letterOf(subject string, m *jetstream.RawStreamMsg) link.DeadLetter {
	l := link.DeadLetter{
		ID: fmt.Sprintf("%s/%d", subject, m.Sequence), Request: m.Header.Get(jetstream.MsgIDHeader), Died: m.Time,
		Status: readStatus(m.Header.Get(statusHeader)),
	}
	l.Attempts, _ = strconv.Atoi(m.Header.Get(attemptsHeader))
	l.Accepted, _ = time.Parse(time.RFC3339Nano, m.Header.Get(acceptedHeader))
	if o, request, err := parseAccepted(m.Data); err == nil {
		l.Method, l.Codec, l.Header, l.Message = o.Method, o.Codec, o.Header, request.Bytes()
	}
	return l
}

// writeStatus gives nothing for a status that protobuf cannot hold.
func writeStatus(s *status.Status) string {
	b, err := proto.Marshal(s.Proto())
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(b)
}

// readStatus never gives OK: a letter is dead because its request has failed.
func readStatus(text string) *status.Status {
	p := new(spb.Status)
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || proto.Unmarshal(b, p) != nil || p.GetCode() == int32(codes.OK) {
		return status.New(codes.Unknown, "its status cannot be read")
	}
	return status.FromProto(p)
}

// found is a dead letter in its stream.
type found struct {
	*jetstream.RawStreamMsg
	subject string
	stream  jetstream.Stream
}

func (d *deadLetters) find(ctx context.Context, id string) (*found, error) {
	subject, digits, _ := strings.Cut(id, "/")
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || subject != d.subject && !strings.HasPrefix(subject, d.subject+".") {
		return nil, fmt.Errorf("%q is no dead letter of %s: list tells their names", id, d.subject)
	}
	f := &found{subject: subject}
	if f.stream, err = d.js.Stream(ctx, streamName("dead", subject)); err == nil {
		f.RawStreamMsg, err = f.stream.GetMsg(ctx, number)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrMsgNotFound) ||
		err == nil && f.Subject != deadSubject(subject) {
		return nil, fmt.Errorf("there is no dead letter %s", id)
	}
	return f, err
}

func (f *found) drop(ctx context.Context) error {
	if err := f.stream.DeleteMsg(ctx, f.Sequence); err != nil {
		return err
	}
	dropPieces(f.stream, f.Subject, f.Header)
	return nil
}

// Replay is known by the letter's name: twice in a row is once.
func (d *deadLetters) Replay(ctx context.Context, id string) error {
	f, err := d.find(ctx, id)
	if err != nil {
		return err
	}
	p, err := piecesOf(f.stream, f.Subject, f.Header)
	if err != nil {
		return err
	}
	again := letter{Msg: nats.NewMsg(queueSubject(f.subject)), size: p.size, body: p.all(ctx)}
	again.Data = f.Data
	again.Header.Set(jetstream.MsgIDHeader, f.Header.Get(jetstream.MsgIDHeader)+" replayed "+id)
	if _, err := again.publish(ctx, d.js); err != nil {
		return fmt.Errorf("put %s back into the queue: %w", id, err)
	}
	return f.drop(ctx)
}

func (d *deadLetters) Drop(ctx context.Context, id string) error {
	f, err := d.find(ctx, id)
	if err != nil {
		return err
	}
	return f.drop(ctx)
}
