package main

import (
	"bufio"
	"bytes"
	"net"
)

// answerBody is what the upstream answers: a small JSON document.
const answerBody = `{"id":"7","name":"ann","displayName":"Ann","bio":"writes short messages","followers":"12"}`

var answer = []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: max-age=3600\r\n" +
	"Content-Length: " + itoa(len(answerBody)) + "\r\n\r\n" + answerBody)

// startUpstream answers every request alike, with as little work as can be: what is
// measured stands before it.
func startUpstream() (url string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveUpstream(conn)
		}
	}()
	return "http://" + l.Addr().String(), nil
}

func serveUpstream(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		for { // the head; requests here have no body
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(bytes.TrimRight(line, "\r\n")) == 0 {
				break
			}
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}
