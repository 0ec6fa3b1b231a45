package main

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"testing"

	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	"github.com/kerf-go/kerf/examples/chirp/story"
	"github.com/kerf-go/kerf/kerftest"
)

// Two replicas of messages share its calls, each by its own counter.
func TestReplicasShareTheCalls(t *testing.T) {
	t.Parallel()
	o := runOutside(t, mixed)
	const visitors, pages = 4, 50
	var wg sync.WaitGroup
	for i := range visitors {
		ann := story.NewVisitor(t, fmt.Sprint("visitor ", i), o.url)
		wg.Go(func() {
			for range pages {
				ann.Get("/") // the public timeline is a call of messages
			}
		})
	}
	wg.Wait()
	counts, all := make(map[int]int), 0
	for _, s := range o.status() {
		if s.Process == "messages" {
			counts[s.Replica] = callsOf(t, story.NewVisitor(t, "probe", s.Admin).Get("/metrics").Body)
			all += counts[s.Replica]
		}
	}
	if len(counts) != 2 || all < visitors*pages {
		t.Fatalf("replicas and the calls they took: %v, of %d", counts, visitors*pages)
	}
	for replica, n := range counts {
		if share := 100 * n / all; share < 35 || share > 65 {
			t.Errorf("replica %d took %d %% of %d calls", replica, share, all)
		}
	}
}

// callsOf adds up the calls of messages that a process has answered.
func callsOf(t *testing.T, metrics string) int {
	t.Helper()
	sum := 0
	for _, m := range regexp.MustCompile(`(?m)^kerf_server_calls_total\{callee="messages".* (\d+)$`).
		FindAllStringSubmatch(metrics, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Error(err)
		}
		sum += n
	}
	return sum
}

// What one replica has stored, the other finds.
func TestReplicasHaveOneStore(t *testing.T) {
	t.Parallel()
	env := kerftest.Processes(t, app(), mixed)
	messages := messagesv1.NewMessagesClient(env.Conn("messages"))
	for i := range 20 {
		text := fmt.Sprint("post ", i)
		made, err := messages.CreatePost(t.Context(), &messagesv1.CreatePostRequest{
			AuthorId: 1, ClientId: strconv.Itoa(i), Text: text,
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			found, err := messages.GetPost(t.Context(), &messagesv1.GetPostRequest{Id: made.GetPost().GetId()})
			if err != nil || found.GetPost().GetText() != text {
				t.Fatalf("%s: %v, %v", text, found, err)
			}
		}
	}
}
