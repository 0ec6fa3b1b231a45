// Command tcpclient calls one unary method over Kerf's TCP link, with JSON:
//
//	tcpclient host:port /package.Service/Method '{"key": "value"}'
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: tcpclient host:port /package.Service/Method JSON")
		os.Exit(2)
	}
	answer, err := call(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(answer)
}

func call(address, method, request string) (answer string, err error) {
	c, err := new(net.Dialer).DialContext(context.Background(), "tcp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	_, _ = c.Write([]byte("kerf\x01\x01\x00\x00")) // what cannot be written shows in the next read
	theirs := make([]byte, 8)
	if _, err = io.ReadFull(c, theirs); err != nil {
		return "", err
	}
	if string(theirs[:4]) != "kerf" || theirs[4] < 1 || theirs[5] > 1 {
		return "", fmt.Errorf("no server of version 1: it says %q", theirs)
	}
	opening := slices.Concat(make([]byte, 8), text(method), text("json"), make([]byte, 4)) // no limit, no metadata
	// Open, unary; Data; Close
	_, _ = c.Write(slices.Concat(frame(1, 1, opening), frame(2, 0, text(request)), frame(4, 0, nil)))
	for header := make([]byte, 14); ; {
		if _, err = io.ReadFull(c, header); err != nil {
			return "", err
		}
		payload := make([]byte, binary.BigEndian.Uint32(header))
		if _, err = io.ReadFull(c, payload); err != nil {
			return "", err
		}
		switch header[4] {
		case 2: // Data
			answer += string(payload[4:])
		case 3: // Piece
			answer += string(payload)
		case 6: // End
			if code := binary.BigEndian.Uint32(payload); code != 0 {
				size := binary.BigEndian.Uint32(payload[4:])
				return "", fmt.Errorf("status %d: %s", code, payload[8:8+size])
			}
			return answer, nil
		case 9: // Ping: the same as Pong
			header[4] = 10
			_, _ = c.Write(slices.Concat(header, payload))
		}
	}
}

func frame(kind, flags byte, payload []byte) []byte {
	header := append(number(len(payload)), kind, flags, 0, 0, 0, 0, 0, 0, 0, 1) // call 1
	return append(header, payload...)
}

func number(n int) []byte  { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func text(s string) []byte { return append(number(len(s)), s...) }
