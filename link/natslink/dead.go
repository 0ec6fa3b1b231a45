package natslink

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
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

// bury makes a request a dead letter, and tells whether it is one. It stays in the
// queue until that is certain.
func (w *worker) bury(js jetstream.JetStream, m jetstream.Msg, why *status.Status) bool {
	ctx, cancel := context.WithTimeout(context.Background(), brokerWait)
	defer cancel()
	letter := nats.NewMsg(deadSubject(w.server.subject))
	letter.Data = m.Data()
	maps.Copy(letter.Header, m.Headers())
	meta, err := m.Metadata()
	if err == nil {
		letter.Header.Set(attemptsHeader, strconv.FormatUint(meta.NumDelivered, 10))
		letter.Header.Set(acceptedHeader, meta.Timestamp.UTC().Format(time.RFC3339Nano))
	}
	if b, err := proto.Marshal(why.Proto()); err == nil {
		letter.Header.Set(statusHeader, base64.StdEncoding.EncodeToString(b))
	}
	_, err = js.PublishMsg(ctx, letter, jetstream.WithRetryAttempts(0))
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		if err = create(ctx, js, deadConfig(w.server.subject)); err == nil {
			_, err = js.PublishMsg(ctx, letter, jetstream.WithRetryAttempts(0))
		}
	}
	log := w.log.With("request", letter.Header.Get(jetstream.MsgIDHeader), "code", why.Code(), "error", why.Message())
	if err != nil {
		log.Error("an accepted request failed for good and cannot be kept as a dead letter", "reason", err)
		_ = m.NakWithDelay(ackWait)
		return false
	}
	log.Error("an accepted request failed for good: see the dead letters")
	w.settle(m)
	return true
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
	for next := uint64(1); ; {
		m, err := stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject(deadSubject(subject)))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, letterOf(subject, m))
		next = m.Sequence + 1
	}
}

func letterOf(subject string, m *jetstream.RawStreamMsg) link.DeadLetter {
	l := link.DeadLetter{
		ID: fmt.Sprintf("%s/%d", subject, m.Sequence), Request: m.Header.Get(jetstream.MsgIDHeader), Died: m.Time,
		Status: status.New(codes.Unknown, "its status cannot be read"),
	}
	l.Attempts, _ = strconv.Atoi(m.Header.Get(attemptsHeader))
	l.Accepted, _ = time.Parse(time.RFC3339Nano, m.Header.Get(acceptedHeader))
	p := new(spb.Status)
	b, err := base64.StdEncoding.DecodeString(m.Header.Get(statusHeader))
	if err == nil && proto.Unmarshal(b, p) == nil {
		l.Status = status.FromProto(p)
	}
	if o, request, err := parseAccepted(m.Data); err == nil {
		l.Method, l.Codec, l.Header, l.Message = o.Method, o.Codec, o.Header, request.Bytes()
	}
	return l
}

// find gives the stream of a letter, its subject and its number there.
func (d *deadLetters) find(ctx context.Context, id string) (jetstream.Stream, string, uint64, error) {
	subject, digits, _ := strings.Cut(id, "/")
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || subject != d.subject && !strings.HasPrefix(subject, d.subject+".") {
		return nil, "", 0, fmt.Errorf("%q is no dead letter of %s: list tells their names", id, d.subject)
	}
	stream, err := d.js.Stream(ctx, streamName("dead", subject))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = fmt.Errorf("there is no dead letter %s", id)
	}
	return stream, subject, number, err
}

// Replay is known by the letter's name: twice in a row is once.
func (d *deadLetters) Replay(ctx context.Context, id string) error {
	stream, subject, number, err := d.find(ctx, id)
	if err != nil {
		return err
	}
	m, err := stream.GetMsg(ctx, number)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("there is no dead letter %s", id)
	}
	if err != nil {
		return err
	}
	again := nats.NewMsg(queueSubject(subject))
	again.Data = m.Data
	again.Header.Set(jetstream.MsgIDHeader, m.Header.Get(jetstream.MsgIDHeader)+" replayed "+id)
	if _, err := d.js.PublishMsg(ctx, again); err != nil {
		return fmt.Errorf("put %s back into the queue: %w", id, err)
	}
	return stream.DeleteMsg(ctx, number)
}

func (d *deadLetters) Drop(ctx context.Context, id string) error {
	stream, _, number, err := d.find(ctx, id)
	if err != nil {
		return err
	}
	if err = stream.DeleteMsg(ctx, number); errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("there is no dead letter %s", id)
	}
	return err
}
