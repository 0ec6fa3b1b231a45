package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kerf-go/kerf/fleet"
)

// children are the processes that tests start, by name; each gives its exit status.
func children() map[string]func() int {
	return map[string]func() int{
		"serve":  serve,
		"wait":   wait,
		"crash":  crash,
		"refuse": refuse,
		"unready": func() int {
			<-attach().Done()
			return 0
		},
		"stubborn": func() int {
			p := attach()
			listen(p, http.NewServeMux())
			return forever()
		},
		"botched": func() int {
			p := attach()
			p.Ready()
			<-p.Done()
			return 7
		},
		"foreign": foreign,
		"chatty":  chatty,
		"helped":  helped,
		"once": func() int { // only the first one gets ready
			p := attach()
			if os.Mkdir(os.Getenv("GATE"), 0o700) == nil {
				p.Ready()
			}
			<-p.Done()
			return 0
		},
		"placed": func() int {
			p := attach()
			folder, err := os.Getwd()
			say("runs in", folder, err)
			listen(p, http.NewServeMux())
			<-p.Done()
			return 0
		},
		"fleet": nested,
	}
}

func attach() *fleet.Parent {
	p, attached := fleet.Attach()
	if !attached {
		say("not attached")
		os.Exit(2)
	}
	if _, again := fleet.Attach(); again || os.Getenv("KERF_FLEET") != "" {
		say("what this process starts would find the fleet")
		os.Exit(2)
	}
	return p
}

// listen serves and reports readiness.
func listen(p *fleet.Parent, mux *http.ServeMux) {
	address := open(p, mux)
	p.Listening("http://" + address)
	p.Web("http://web." + address)
	p.Admin("http://admin." + address)
	p.Ready()
}

// open serves on the previous address or a new one.
func open(p *fleet.Parent, mux *http.ServeMux) (address string) {
	address = "127.0.0.1:0"
	if before := p.Previous().Listening; len(before) > 0 && os.Getenv("MOVE") == "" {
		address = strings.TrimPrefix(before[0], "http://")
	}
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		p.Failed(err)
		os.Exit(1)
	}
	go func() { _ = http.Serve(l, mux) }() // until the process ends
	return l.Addr().String()
}

// wait is not ready before it was asked twice why. With HANGS it says nothing at all.
func wait() int {
	p := attach()
	var asked atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {
		if os.Getenv("HANGS") != "" {
			<-r.Context().Done()
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		if asked.Add(1) == 2 {
			p.Ready()
		}
	})
	p.Admin("http://" + open(p, mux))
	<-p.Done()
	return 0
}

// serve is a process as it should be. With CALLEE it calls that one while it drains.
func serve() int {
	p := attach()
	var known atomic.Pointer[fleet.Directory]
	known.Store(&fleet.Directory{})
	go func() {
		for d := range p.Reach() {
			known.Store(&d)
		}
	}()
	mux := http.NewServeMux()
	mux.HandleFunc("/reach", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(known.Load())
	})
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	listen(p, mux)
	<-p.Done()
	say("draining within", p.Bound())
	if callee := os.Getenv("CALLEE"); callee != "" {
		say(callee, "answered", get((*known.Load())[callee][0]+"/reach") != "")
	}
	if marker := os.Getenv("MARKER"); marker != "" {
		_ = os.WriteFile(marker, []byte("drained"), 0o600)
	}
	return 0
}

func crash() int {
	attach()
	for i := range 15 {
		fmt.Fprintln(os.Stderr, "line", i)
	}
	_, _ = io.WriteString(os.Stdout, "the reason, without an end of line")
	return 3
}

func refuse() int {
	attach().Failed(errors.New("listen 127.0.0.1:8080 for web: address already in use"))
	return 1
}

// foreign speaks the protocol by itself, amid a line of its log, and heeds nothing.
func foreign() int {
	_, _ = io.WriteString(os.Stdout, "half a line\x1ekerf {\"ready\":true}\n\x1ekerf is no event\n")
	return forever()
}

// chatty writes from both streams: partial lines, an empty one, and 1 MiB without an end.
func chatty() int {
	p := attach()
	for range 20 {
		for _, part := range []string{"to", "geth", "er\r\n"} {
			_, _ = io.WriteString(os.Stdout, part)
		}
		fmt.Fprintln(os.Stderr, os.Getenv("NAME"), "complains")
	}
	say()
	_, _ = io.WriteString(os.Stdout, strings.Repeat(os.Getenv("NAME")[:1], 1<<20))
	p.Ready()
	<-p.Done()
	return 0
}

// helped starts a process of its own, which never reads its stdin.
func helped() int {
	p := attach()
	helper := child("foreign", "helper")
	cmd := exec.CommandContext(context.Background(), helper.Command[0])
	cmd.Env = append(os.Environ(), helper.Env...)
	if err := cmd.Start(); err != nil {
		p.Failed(err)
		return 1
	}
	say("helper", cmd.Process.Pid)
	p.Ready()
	<-p.Done()
	return 0
}

// nested is a fleet of its own, to be killed.
func nested() int {
	f, err := fleet.New([]fleet.Process{
		child("serve", "web", "MARKER="+os.Getenv("MARKER")),
		child("stubborn", "stubborn"),
		child("serve", "accounts"),
	}, fleet.Options{
		App: "nested", StatusFile: os.Getenv("STATUS"), Stdout: os.Stdout, StopTimeout: 2 * time.Second,
	})
	if err == nil {
		err = f.Run(context.Background())
	}
	say(err)
	return 1
}

// forever waits for the kill; if the test itself was killed, there is an end.
func forever() int {
	<-time.NewTimer(2 * patience).C
	return 0
}

func say(what ...any) { _, _ = fmt.Fprintln(os.Stdout, what...) }

func get(url string) string {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return ""
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return ""
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return ""
	}
	return string(text)
}

// child is a process of this test binary.
func child(behaviour, name string, env ...string) fleet.Process {
	self, err := os.Executable()
	if err != nil {
		self = err.Error()
	}
	// The race detector would linger for a second at each end.
	env = append(env, childEnv+"="+behaviour, "NAME="+name, "GORACE=atexit_sleep_ms=0")
	return fleet.Process{Name: name, Services: []string{name}, Link: "http", Command: []string{self}, Env: env}
}
