//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kerf-go/kerf/examples/chirp/story"
	"github.com/kerf-go/kerf/fleet"
)

// process is the status of one.
func (o *outside) process(name string) fleet.Status {
	o.t.Helper()
	for _, s := range o.status() {
		if s.Process == name {
			return s
		}
	}
	o.t.Fatalf("there is no process %s", name)
	return fleet.Status{}
}

// Readers are told of a post in datagrams, which the author does not wait for: not
// even when notify hangs. It has them once it goes on.
func TestAPostWaitsForNobodyWhoIsTold(t *testing.T) {
	t.Parallel()
	o := runOutside(t, sockets)
	ann, bob := story.NewVisitor(t, "ann", o.url), story.NewVisitor(t, "bob", o.url)
	ann.SignUp("ann", "a saw with 32 teeth")
	bob.SignUp("bob", "no teeth but a smile")
	bob.Follow("ann")
	live := posts(bob.Stream("/live"))
	ann.Write("post 0")
	wantPosts(t, live, "post 0")

	notify := o.process("notify")
	signal(t, notify.PID, syscall.SIGSTOP)
	defer signal(t, notify.PID, syscall.SIGCONT)
	for n := range 3 {
		began := time.Now()
		ann.Write(fmt.Sprintf("post %d", n+1))
		if took := time.Since(began); took >= time.Second { // as long as messages waits for anybody
			t.Errorf("post %d took %v", n+1, took)
		}
	}
	if strings.Contains(o.logged(), "could not tell readers") {
		t.Error("messages has waited for notify in vain")
	}
	signal(t, notify.PID, syscall.SIGCONT)
	wantPosts(t, live, "post 1", "post 2", "post 3")

	const count = `kerf_server_calls_total{callee="notify",caller="messages",code="OK",link="udp",` +
		`method="chirp.notify.v1.Notify/Deliver"} 4`
	if metrics := story.NewVisitor(t, "probe", notify.Admin).Get("/metrics").Body; !strings.Contains(metrics, count) {
		t.Errorf("notify does not count %s", count)
	}
}

func signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Error(err)
	}
}

// posts hands on the posts of a page that follows them.
func posts(page io.Reader) <-chan string {
	found := make(chan string, 100)
	go func() {
		defer close(found)
		for lines := bufio.NewScanner(page); lines.Scan(); {
			if at := strings.Index(lines.Text(), "post "); at >= 0 && strings.HasPrefix(lines.Text(), "data:") {
				found <- lines.Text()[at:]
			}
		}
	}()
	return found
}

// wantPosts waits for posts, in any order.
func wantPosts(t *testing.T, live <-chan string, want ...string) {
	t.Helper()
	missing := make(map[string]bool)
	for _, w := range want {
		missing[w] = true
	}
	eventually(t, fmt.Sprint("live posts ", want), func() bool {
		select {
		case text := <-live:
			for w := range missing {
				if strings.HasPrefix(text, w) {
					delete(missing, w)
				}
			}
		default:
		}
		return len(missing) == 0
	})
}
