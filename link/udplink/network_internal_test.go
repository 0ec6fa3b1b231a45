package udplink

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// unreliable triples, delays and reorders datagrams, and loses some of those.
func unreliable(seed uint64, lost float64) rule {
	random := rand.New(rand.NewPCG(seed, seed))
	return func(bool, []byte) []time.Duration {
		var pauses []time.Duration
		for range 3 {
			if random.Float64() >= lost {
				pauses = append(pauses, time.Duration(random.IntN(30))*time.Millisecond)
			}
		}
		if random.Float64() < lost { // all copies: three independent ones nearly always pass
			return nil
		}
		return pauses
	}
}

func TestAnUnreliableNetworkChangesNoCountAndNoAnswer(t *testing.T) {
	t.Parallel()
	const callers, each = 16, 25
	service := newCounting()
	_, url := between(t, start(t, Link{}, anyPort, service), unreliable(1, 0.2))
	client := connect(t, Link{}, url)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for j := range each {
				n := int64(i*each + j + 1)
				m, err := client.Unary(t.Context(), &pb.Message{Number: n, Text: strconv.FormatInt(n, 10)})
				if err != nil || m.GetNumber() != -n || m.GetText() != strconv.FormatInt(n, 10) {
					t.Errorf("call %d: %v, %v", n, m, err)
				}
			}
		})
	}
	wg.Wait()
	for n := range int64(callers * each) {
		if times := service.of(n + 1); times != 1 {
			t.Errorf("call %d ran %d times", n+1, times)
		}
	}
}

func TestOneWayCallsThatAreTripledAndReorderedRunOnce(t *testing.T) {
	t.Parallel()
	const calls = 300
	service := newCounting()
	relay, url := between(t, start(t, Link{}, anyPort, service), unreliable(2, 0))
	client := connect(t, Link{}, url)
	for n := range int64(calls) {
		if _, err := client.Tell(t.Context(), &pb.Message{Number: n}, link.WithWait(link.Sent)); err != nil {
			t.Fatal(err)
		}
		if n%20 == 0 { // not more at once than may overtake each other
			eventually(t, "a call arrives", func() bool { return service.of(n) > 0 })
		}
	}
	eventually(t, "all calls arrive", func() bool { return service.seen() == calls })
	relay.replay()
	if _, err := client.Unary(t.Context(), &pb.Message{Number: -1}); err != nil { // behind the replay
		t.Fatal(err)
	}
	for n := range int64(calls) {
		if times := service.of(n); times != 1 {
			t.Errorf("call %d ran %d times", n, times)
		}
	}
}

func TestACallIsRepeatedUntilItIsAnswered(t *testing.T) {
	t.Parallel()
	service := newCounting()
	var tries int
	server := start(t, Link{}, anyPort, service)
	_, url := between(t, server, func(fromClient bool, b []byte) []time.Duration {
		if d, err := parse(b); err == nil && d.kind == calls && fromClient {
			if tries++; tries < 4 {
				return nil
			}
		}
		return []time.Duration{0}
	})
	client := connect(t, Link{}, url)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := client.Unary(ctx, &pb.Message{Number: 1}); err != nil || service.of(1) != 1 {
		t.Errorf("%v, and it ran %d times", err, service.of(1))
	}
}
