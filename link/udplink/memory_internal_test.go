package udplink

import (
	"math"
	"math/rand/v2"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/link/call/frame"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// endOf reads the code of the End frame in an answer, and whether it is a refusal.
func endOf(t *testing.T, b []byte) (code codes.Code, refused bool) {
	t.Helper()
	d, err := parse(b)
	if err != nil || d.kind != answer {
		t.Fatalf("%v: %+v", err, d)
	}
	for left := d.frames; len(left) > 0; {
		f, rest, err := frame.Next(left)
		if err != nil {
			t.Fatal(err)
		}
		if f.Kind == frame.End {
			return codes.Code(f.Payload[3]), f.Flags != 0
		}
		left = rest
	}
	t.Fatal("an answer without an end")
	return 0, false
}

// Whatever callers do, the memory of them is bounded.
func TestTheMemoryOfCallersIsBounded(t *testing.T) {
	t.Parallel()
	r := newRaw(t, pb.UnimplementedExerciseServer{})
	w := r.hello(t)
	cancelled := func(number uint64) []byte { // the cheapest way to be remembered
		return r.call(w, number, frame.Append(nil, frame.Frame{Kind: frame.Cancel, Call: number}))
	}
	for n := range uint64(2 * mostMemory / slotCost) {
		r.client = n >> 10
		r.take(cancelled(1<<16 | n&1023))
	}
	if size := r.server.memory.size; size > mostMemory {
		t.Errorf("%d bytes are kept: at most %d", size, mostMemory)
	}
	if code, refused := endOf(t, r.take(r.call(w, 1<<16|5000, nil))); code != codes.ResourceExhausted || refused {
		t.Errorf("one too many: %v, refused: %t", code, refused)
	}
	r.client, r.server.memory.busy = 1, mostRunning
	if code, _ := endOf(t, r.take(r.call(w, 2<<16, nil))); code != codes.ResourceExhausted {
		t.Errorf("one that is too many at once: %v", code)
	}
	oneWay := request(1, frame.Opening{Method: pb.Exercise_Tell_FullMethodName, Unary: true, OneWay: true})
	if r.take(r.call(w, 1, oneWay)) != nil || r.server.memory.busy != mostRunning {
		t.Error("a one way call that is too many at once is answered, or runs")
	}
	r.server.memory.busy = 0
	r.server.memory.sweep(r.now.Add(2*cookieLife+1), 0)
	if m := r.server.memory; m.size != 0 || len(m.callers) != 0 {
		t.Errorf("afterwards %d bytes are kept of %d callers", m.size, len(m.callers))
	}
}

// An answer that there is no room to keep is sent once, and the call is not run again.
func TestAnAnswerThatCannotBeKeptIsGone(t *testing.T) {
	t.Parallel()
	service := newCounting()
	r := newRaw(t, service)
	w := r.hello(t)
	r.server.memory.size = mostMemory - callerCost - slotCost
	b := r.call(w, 1<<16, nil)
	if r.take(b) != nil {
		t.Fatal("the call is not taken")
	}
	if k := kindOf(t, r.answered(t)); k != answer {
		t.Errorf("the first answer is of kind %d", k)
	}
	if k := kindOf(t, r.take(b)); k != gone || service.of(0) != 1 {
		t.Errorf("the repeat is answered with kind %d, and the call ran %d times", k, service.of(0))
	}
}

func TestACancelThatOvertakesItsCallStopsIt(t *testing.T) {
	t.Parallel()
	service := newCounting()
	r := newRaw(t, service)
	w := r.hello(t)
	const number = 3 << 16
	r.take(r.call(w, number, frame.Append(nil, frame.Frame{Kind: frame.Cancel, Call: number})))
	if k := kindOf(t, r.take(r.call(w, number, nil))); k != gone || service.seen() != 0 {
		t.Errorf("answered with kind %d; %d calls ran", k, service.seen())
	}
	if r.take(r.call(w, number-1<<16, nil)) != nil || r.server.memory.find(r.client, number).call != number {
		t.Error("a call of the slot's past is taken")
	}
}

func TestOneWayCallsComeInAnyOrderButOnce(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(4, 4))
	var w window
	numbers := make([]uint64, 10_000)
	for i := range numbers {
		numbers[i] = uint64(i + 1)
	}
	for i := range numbers { // none moves further than the window reaches
		j := min(len(numbers)-1, i+random.IntN(reach/2))
		numbers[i], numbers[j] = numbers[j], numbers[i]
	}
	seen := make(map[uint64]bool)
	for i := range 3 * len(numbers) {
		n := numbers[min(i/3+random.IntN(2), len(numbers)-1)]
		first := w.admit(n)
		if first && seen[n] {
			t.Fatalf("%d is admitted twice", n)
		}
		seen[n] = seen[n] || first
	}
	for _, n := range []uint64{0, 1, 10_000 - reach} {
		if w.admit(n) {
			t.Errorf("%d is admitted behind 10000", n)
		}
	}
	for _, n := range []uint64{math.MaxUint64 - 1, math.MaxUint64} {
		if !w.admit(n) || w.admit(n) {
			t.Errorf("%d is not admitted once", n)
		}
	}
	if w.admit(10_001) {
		t.Error("a number far below is admitted")
	}
}

func TestASlotIsHeldByOneCallAtATime(t *testing.T) {
	t.Parallel()
	var n numbers
	held := make(map[uint16]bool)
	latest := make(map[uint16]uint64)
	var all []uint64
	random := rand.New(rand.NewPCG(5, 5))
	for range 10_000 {
		if len(all) > 0 && random.IntN(2) == 0 {
			last := len(all) - 1
			n.over(all[last])
			held[slot(all[last])] = false
			all = all[:last]
			continue
		}
		number := n.ask()
		if s := slot(number); held[s] || number <= latest[s] {
			t.Fatalf("number %x: held is %t, the latest was %x", number, held[s], latest[s])
		}
		held[slot(number)], latest[slot(number)] = true, number
		all = append(all, number)
	}
	var full numbers
	for range mostSlots {
		if full.ask() == 0 {
			t.Fatal("the slots are used up too soon")
		}
	}
	if full.ask() != 0 {
		t.Error("there are too many slots")
	}
}
