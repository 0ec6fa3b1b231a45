package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const connections = 64

// client keeps connections to one subject, and sends one request over and over.
type client struct {
	request []byte
	conns   []*clientConn
}

type clientConn struct {
	net.Conn
	r *bufio.Reader
}

func dial(address, path string) (*client, error) {
	c := &client{request: []byte("GET " + path + " HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: bench\r\n" +
		"Accept: application/json\r\n\r\n")}
	for range connections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return nil, err
		}
		c.conns = append(c.conns, &clientConn{conn, bufio.NewReader(conn)})
	}
	return c, nil
}

func (c *client) close() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

var contentLength = []byte("Content-Length: ")

// do makes one request, and fails unless it is answered with 200 and a body.
func (c *clientConn) do(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
		return fmt.Errorf("it answers %q", line)
	}
	length := -1
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= len("\r\n") {
			break
		}
		if len(line) > len(contentLength) && bytes.EqualFold(line[:len(contentLength)], contentLength) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):]))); err != nil {
				return err
			}
		}
	}
	if length <= 0 {
		return errors.New("it answers without a length")
	}
	_, err = io.CopyN(io.Discard, c.r, int64(length))
	return err
}

// closed sends on every connection as soon as the answer before is there, and gives the
// requests per second.
func (c *client) closed(length time.Duration) (float64, error) {
	var done atomic.Int64
	began := time.Now()
	end := began.Add(length)
	err := c.each(func(conn *clientConn) error {
		n := 0
		for ; time.Now().Before(end); n++ {
			if err := conn.do(c.request); err != nil {
				return err
			}
		}
		done.Add(int64(n))
		return nil
	})
	return float64(done.Load()) / time.Since(began).Seconds(), err
}

// open sends at a rate, whatever the answers, and gives how long after its time each
// request was answered, sorted.
func (c *client) open(rate float64, length time.Duration) ([]time.Duration, error) {
	total := int64(rate * length.Seconds())
	var next atomic.Int64
	var mu sync.Mutex
	all := make([]time.Duration, 0, total)
	began := time.Now()
	err := c.each(func(conn *clientConn) error {
		var own []time.Duration
		for i := next.Add(1); i <= total; i = next.Add(1) {
			due := began.Add(time.Duration(float64(i) / rate * float64(time.Second)))
			time.Sleep(time.Until(due))
			if err := conn.do(c.request); err != nil {
				return err
			}
			own = append(own, time.Since(due))
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, own...)
		return nil
	})
	slices.Sort(all)
	return all, err
}

func (c *client) each(f func(*clientConn) error) error {
	errs := make(chan error, len(c.conns))
	for _, conn := range c.conns {
		go func() { errs <- f(conn) }()
	}
	var first error
	for range c.conns {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func itoa(n int) string { return strconv.Itoa(n) }
