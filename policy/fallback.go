package policy

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// DegradedKey is the key of the header by which an answer says that a fallback gave it: with
// the value "last", "answer" or "method".
const DegradedKey = "kerf-degraded"

// What bounds the last answers that a method keeps: their number, and the bytes of an answer
// and its request, so that 64 MiB is the most.
const (
	mostAnswers = 1000
	mostBytes   = 64 << 10
)

type fallback struct {
	settings Fallback

	mu    sync.Mutex // guards the fields below
	last  map[string]proto.Message
	order []string // the keys of last, the oldest first
}

func newFallback(f Fallback) *fallback {
	return &fallback{settings: f, last: map[string]proto.Message{}}
}

// first bounds the call itself, so that another method has time left when this one ran out of it.
func (f *fallback) first(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	if f == nil || f.settings.Method == "" || !limited {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, f.settings.First(time.Until(deadline)))
}

// fall gives another answer in place of a failure that is the callee's fault or a policy's.
func (g *guard) fall(
	ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
	opts []grpc.CallOption, failure error,
) error {
	f := g.fallback
	code := status.Code(failure)
	if code != codes.ResourceExhausted && (!Blames(code) || isOwn(code, failure)) {
		if failure == nil && f.settings.Last {
			f.keep(ctx, request, reply, opts)
		}
		return failure
	}
	how := f.answer(ctx, request, reply, opts)
	if f.settings.Method != "" && g.callOther(ctx, request, reply, cc, invoke, opts) {
		how = "method"
	}
	if how == "" {
		return failure
	}
	for _, o := range opts {
		if h, ok := o.(grpc.HeaderCallOption); ok {
			*h.HeaderAddr = metadata.Join(*h.HeaderAddr, metadata.Pairs(DegradedKey, how))
		}
	}
	g.out.observe(ctx, Event{Policy: "fallback", What: "answered", Scope: g.name(), Method: method, Err: failure})
	return nil
}

// callOther calls another method, once, if its bulkhead and its breaker let it. If that fails, the
// caller learns of the first failure alone.
func (g *guard) callOther(
	ctx context.Context, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts []grpc.CallOption,
) bool {
	into, ok := reply.(proto.Message)
	if !ok {
		return false
	}
	t := try{reply: into.ProtoReflect().New().Interface()}
	if g.other.guarded(ctx, g.fallback.settings.Method, request, t.reply, cc, invoke, t.instead(opts)) != nil {
		return false
	}
	t.tell(opts)
	proto.Reset(into)
	proto.Merge(into, t.reply)
	return true
}

// kind is how it answers, in the words of DegradedKey.
func (f *fallback) kind() string {
	switch {
	case f.settings.Last:
		return "last"
	case f.settings.Method != "":
		return "method"
	}
	return "answer"
}

// answer fills in the last answer or the static one, and tells which; "": there is none.
func (f *fallback) answer(ctx context.Context, request, reply any, opts []grpc.CallOption) string {
	into, ok := reply.(proto.Message)
	switch {
	case !ok:
	case f.settings.Last:
		if last := f.lastOf(key(ctx, request, opts)); last != nil {
			forget(opts)
			proto.Reset(into)
			proto.Merge(into, last)
			return "last"
		}
	case f.settings.Answer != nil:
		if protojson.Unmarshal(f.settings.Answer, into) == nil {
			forget(opts)
			return "answer"
		}
	}
	return ""
}

func (f *fallback) lastOf(key string) proto.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last[key]
}

func (f *fallback) keep(ctx context.Context, request, reply any, opts []grpc.CallOption) {
	m, ok := reply.(proto.Message)
	k := key(ctx, request, opts)
	if !ok || k == "" || len(k)+proto.Size(m) > mostBytes {
		return
	}
	m = proto.Clone(m)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last[k] == nil {
		f.order = append(f.order, k)
	}
	f.last[k] = m
	if len(f.order) > mostAnswers {
		delete(f.last, f.order[0])
		f.order = slices.Delete(f.order, 0, 1)
	}
}

// key tells requests apart: by their bytes, and by the metadata that callers add, since
// that may say for whom the answer is, by whatever name. Empty: there is no key, as credentials of
// the call say so in a way that cannot be seen.
func key(ctx context.Context, request any, opts []grpc.CallOption) string {
	m, ok := request.(proto.Message)
	if !ok || slices.ContainsFunc(opts, isCredentials) {
		return ""
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return ""
	}
	md, _ := metadata.FromOutgoingContext(ctx)
	parts := []string{string(b)}
	for _, name := range slices.Sorted(maps.Keys(md)) {
		if !ofCall[name] && !strings.HasPrefix(name, "sec-") {
			parts = append(append(parts, name, strconv.Itoa(len(md[name]))), md[name]...)
		}
	}
	var text strings.Builder
	for _, part := range parts { // with lengths, as values are any bytes
		text.WriteString(strconv.Itoa(len(part)) + ":" + part)
	}
	return text.String()
}

func isCredentials(o grpc.CallOption) bool {
	_, ok := o.(grpc.PerRPCCredsCallOption)
	return ok
}

// ofCall are the keys that tell how and from where a call came, and neither for whom nor for what
// it is: those of the seam, of proxies and of browsers (as are all of sec-). Baggage may well say
// something. Neither host nor proto of x-forwarded is among them: they are part of the address that
// was asked for, and an answer may have links with it, which must not be somebody else's.
var ofCall = map[string]bool{
	"traceparent": true, "tracestate": true, "x-correlation-id": true, "x-request-id": true, "kerf-caller": true,
	"x-forwarded-for": true, "x-forwarded-port": true, "x-real-ip": true, "forwarded": true, "via": true,
	"user-agent": true, "accept-encoding": true, "cache-control": true, "pragma": true, "priority": true,
	"dnt": true, "upgrade-insecure-requests": true,
}
