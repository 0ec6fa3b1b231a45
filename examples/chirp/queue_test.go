package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
	"github.com/kerf-go/kerf/examples/chirp/story"
	"github.com/kerf-go/kerf/kerftest"
	"github.com/kerf-go/kerf/link"
)

func TestStoryOfAQueueThatBreaks(t *testing.T) {
	t.Parallel()
	browser := story.NewBrowser(t)
	env := kerftest.Processes(t, app(), queued)
	story.Browse(t, browser, site(env))
	story.Break(t, browser, site(env), env)
}

func TestNothingAcknowledgedIsLostInAQueue(t *testing.T) {
	t.Parallel()
	env := kerftest.Processes(t, app(), queued)
	story.Survive(t, site(env), env)
}

// told notes the posts that notify is told of.
type told struct {
	mu    sync.Mutex // guards posts
	posts []int64
}

func (n *told) app() kerf.App {
	a := app()
	a.UnaryServer = append(a.UnaryServer, func(
		ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
	) (any, error) {
		answer, err := handler(ctx, req)
		if delivered, ok := req.(*notifyv1.DeliverRequest); ok && err == nil {
			n.mu.Lock()
			n.posts = append(n.posts, delivered.GetPostId())
			n.mu.Unlock()
		}
		return answer, err
	})
	return a
}

func (n *told) was() []int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.posts)
}

func write(t *testing.T, env *kerftest.Env, id string) int64 {
	t.Helper()
	answer, err := messagesv1.NewMessagesClient(env.Conn("messages")).CreatePost(t.Context(),
		&messagesv1.CreatePostRequest{AuthorId: 1, ClientId: id, Text: "number " + id})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetPost().GetId()
}

func TestPostsAreToldOnceNotifyIsBack(t *testing.T) {
	t.Parallel()
	n := new(told)
	kerftest.Run(t, n.app(), []string{queued}, func(t *testing.T, env *kerftest.Env) {
		t.Helper()
		posts := append(make([]int64, 0, 3), write(t, env, "1"))
		eventually(t, "the first is told", func() bool { return slices.Equal(n.was(), posts) })
		env.Kill("notify")
		began := time.Now()
		posts = append(posts, write(t, env, "2"), write(t, env, "3"))
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("writing took %v", took)
		}
		if got := n.was(); len(got) != 1 {
			t.Errorf("told %v by nobody", got)
		}
		env.Restart("notify")
		eventually(t, "the others are told", func() bool {
			got := n.was()
			slices.Sort(got)
			return slices.Equal(got, posts)
		})
	})
}

func TestABrokerThatIsKilledComesBack(t *testing.T) {
	t.Parallel()
	env := kerftest.Processes(t, app(), queued)
	accounts := accountsv1.NewAccountsClient(env.Conn("accounts"))
	ask := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := accounts.GetProfile(ctx, &accountsv1.GetProfileRequest{Name: "nobody"})
		if status.Code(err) == codes.NotFound {
			return nil
		}
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	before := write(t, env, "1")
	env.Kill("broker")
	eventually(t, "the loss is noticed", func() bool {
		began := time.Now()
		err := ask()
		if status.Code(err) != codes.Unavailable || time.Since(began) > time.Second {
			t.Errorf("without a broker: %v after %v", err, time.Since(began))
		}
		return link.Ran(err) == link.NeverSent
	})
	env.Restart("broker")
	eventually(t, "calls are answered", func() bool { return ask() == nil })
	eventually(t, "posts are written", func() bool {
		answer, err := messagesv1.NewMessagesClient(env.Conn("messages")).CreatePost(t.Context(),
			&messagesv1.CreatePostRequest{AuthorId: 1, ClientId: "2", Text: "number 2"})
		return err == nil && answer.GetPost().GetId() > before
	})
}

// It really is the queue: nobody could be called otherwise.
func TestNoServiceListensButForItsOperators(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		if os.Getenv("KERF_TEST_COMPLETE") == "1" {
			t.Fatal("who listens is only known on Linux")
		}
		t.Skip("SKIPPED: who listens is only known on Linux")
	}
	o := runOutside(t, queued)
	all := o.status()
	if len(all) != 6 {
		t.Fatalf("%d processes: %v", len(all), all)
	}
	for _, s := range all {
		want := []string{portOf(t, s.Admin)}
		switch s.Process {
		case "web":
			want = append(want, portOf(t, s.Web))
		case "broker":
			want = append(want, portOf(t, s.Address))
		}
		got, err := listening(s.PID)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s listens on the ports %v, want %v", s.Process, got, want)
		}
	}
}

func portOf(t *testing.T, rawURL string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil || u.Port() == "" {
		t.Fatal(rawURL, err)
	}
	return u.Port()
}

// listening gives the ports where a process takes what anybody sends it: "4222" of TCP, "udp 4222".
func listening(pid int) ([]string, error) {
	own := make(map[string]bool) // its sockets
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(links) == 0 {
		return nil, errors.Join(fmt.Errorf("process %d cannot be looked into", pid), err)
	}
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil {
			own[strings.TrimSuffix(strings.TrimPrefix(to, "socket:["), "]")] = true
		}
	}
	var ports []string
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		state, prefix := "0A", "" // listening
		if strings.HasPrefix(table, "udp") {
			state, prefix = "07", "udp " // connected to nobody
		}
		f, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue // a system without IPv6
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			// local address, state and inode, as proc_net_tcp(5) has them
			fields := strings.Fields(lines.Text())
			if len(fields) < 10 || fields[3] != state || !own[fields[9]] {
				continue
			}
			_, digits, _ := strings.Cut(fields[1], ":")
			port, err := strconv.ParseUint(digits, 16, 16)
			if err != nil {
				return nil, err
			}
			ports = append(ports, prefix+strconv.FormatUint(port, 10))
		}
		_ = f.Close()
	}
	return ports, nil
}
