// Command udpclient calls one unary method over Kerf's UDP link, with JSON:
//
//	udpclient host:port /package.Service/Method '{"key": "value"}'
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: udpclient host:port /package.Service/Method JSON")
		os.Exit(2)
	}
	answer, err := call(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(answer)
}

func call(address, method, request string) (string, error) {
	c, err := new(net.Dialer).DialContext(context.Background(), "udp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	nonce := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano()))
	welcome, err := ask(c, slices.Concat([]byte("kerf\x01\x01\x00\x00"), nonce, make([]byte, 1200-16)), 2)
	if err != nil {
		return "", err
	}
	if len(welcome) < 44 || welcome[42] > 1 || welcome[43] != 0 {
		return "", fmt.Errorf("no server of version 1 that takes calls: it says %x", welcome)
	}
	opening := slices.Concat(make([]byte, 8), text(method), text("json"), make([]byte, 4)) // no limit, no metadata
	b, err := ask(c, slices.Concat([]byte("kerf\x01\x03\x00\x00"), welcome[16:40],         // epoch and cookie
		nonce, []byte{1200 >> 8, 1200 & 255}, // the client may be any number
		frame(1, 1, opening), frame(2, 0, text(request)), frame(4, 0, nil)), 4)
	answer := ""
	for b = b[min(24, len(b)):]; len(b) >= 14; b = b[14+binary.BigEndian.Uint32(b):] {
		payload := b[14 : 14+binary.BigEndian.Uint32(b)]
		if kind := b[4]; kind == 2 { // Data
			answer = string(payload[4:])
		} else if code := binary.BigEndian.Uint32(payload); kind == 6 && code != 0 { // End
			return "", fmt.Errorf("status %d: %s", code, payload[8:8+binary.BigEndian.Uint32(payload[4:])])
		}
	}
	return answer, err
}

// ask repeats a datagram until one of a kind comes.
func ask(c net.Conn, out []byte, kind byte) ([]byte, error) {
	for range 50 {
		in := make([]byte, 1200)
		_, err := c.Write(out)
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		for err == nil {
			var n int
			if n, err = c.Read(in); err == nil && n >= 24 && string(in[:4]) == "kerf" && in[5] == kind {
				return in[:n], nil
			}
		}
	}
	return nil, errors.New("no answer")
}

func frame(kind, flags byte, payload []byte) []byte { // of call 1 in slot 0
	return append(append(number(len(payload)), kind, flags, 0, 0, 0, 0, 0, 1, 0, 0), payload...)
}
func number(n int) []byte  { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func text(s string) []byte { return append(number(len(s)), s...) }
