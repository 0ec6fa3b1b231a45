package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// serve runs a subject in this process until standard input ends, and prints its address.
func serve(name, upstream string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	ready := func(address string) { fmt.Println("ready", address) }
	if name == restService {
		return ended(ctx, serveREST(ctx, upstream, ready))
	}
	for _, s := range subjects() {
		if s.name == name {
			return ended(ctx, s.start(ctx, upstream, ready))
		}
	}
	return fmt.Errorf("there is no subject %q", name)
}

// ended forgets errors of what was told to end.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// start runs a process that serves, and gives its address.
func start(c *exec.Cmd) (address string, stop func(), err error) {
	in, err := c.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = in.Close()
		_ = c.Wait()
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return address, stop, nil
		}
	}
	stop()
	return "", nil, fmt.Errorf("%v ended before it was ready", c.Args)
}

// program runs something that is not ours until ctx ends.
func program(ctx context.Context, address string, ready func(string), name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		return err
	}
	over := make(chan error, 1)
	go func() { over <- c.Wait() }()
	for range 100 {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			ready(address)
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	select {
	case err := <-over:
		return fmt.Errorf("%s has ended: %w", name, err)
	case <-ctx.Done():
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	return <-over
}

// freeAddress is one for programs that cannot be told "any": somebody may take it before.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
