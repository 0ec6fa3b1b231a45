package hostile

import (
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"
)

// Kinds of HTTP/2's frames (RFC 9113, section 6), and a flag of header blocks.
const (
	dataFrame         = 0
	headersFrame      = 1
	priorityFrame     = 2
	settingsFrame     = 4
	pingFrame         = 6
	windowFrame       = 8
	continuationFrame = 9

	endHeaders = 4

	frameHead = 9 // bytes
)

const (
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	ping    = "12345678"
)

func made(kind, flags byte, stream uint32, payload string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	b = binary.BigEndian.AppendUint32(append(b, flags), stream)
	return string(b) + payload
}

// literal is a header with the number that HPACK has for its name.
func literal(name byte, value string) string {
	return string([]byte{0x40 | name, byte(len(value))}) + value
}

// HTTP2 is what every server of HTTP/2 closes the connection for.
func HTTP2() map[string]string {
	const post = "\x83\x86\x84\x41\x01x" // :method POST, :scheme http, :path /, :authority x
	begun := preface + made(settingsFrame, 0, 0, "")
	opened := func(stream uint32) string { return made(headersFrame, endHeaders, stream, post) }
	return map[string]string{
		"another preface":               preface[:18] + strings.Repeat("x", 64),
		"half a preface":                preface[:20],
		"half a frame":                  preface + "\x00\x00",
		"no settings":                   preface + made(pingFrame, 0, 0, ping),
		"settings of the wrong size":    preface + made(settingsFrame, 0, 0, "x"),
		"settings of a window too wide": preface + made(settingsFrame, 0, 0, "\x00\x04\xff\xff\xff\xff"),
		"a frame above the limit":       begun + "\xff\xff\xff" + made(dataFrame, 0, 1, "")[3:],
		"data of no stream":             begun + made(dataFrame, 0, 0, "x"),
		"padding longer than its frame": begun + opened(1) + made(dataFrame, 8, 1, "\xff"),
		"headers that cannot be read":   begun + made(headersFrame, endHeaders, 1, "\xff\xff\xff\xff\xff\xff"),
		"a header of no table":          begun + made(headersFrame, endHeaders, 1, "\xfe"),
		"a frame within a header block": begun + made(headersFrame, 0, 1, post) + made(pingFrame, 0, 0, ping),
		"a continuation of nothing":     begun + made(continuationFrame, endHeaders, 1, post),
		"a stream of the server's":      begun + opened(2),
		"a stream after a later one":    begun + opened(3) + opened(1),
		"a window that does not grow":   begun + made(windowFrame, 0, 0, "\x00\x00\x00\x00"),
		"a ping of the wrong size":      begun + made(pingFrame, 0, 0, "x"),
		"a priority of no stream":       begun + made(priorityFrame, 0, 0, "12345"),
		"a header block without an end": begun + made(headersFrame, 0, 1, post) +
			strings.Repeat(made(continuationFrame, 0, 1, strings.Repeat("\x00\x01x\x01x", 3000)), 2000),
	}
}

// HTTP2Answers are what no client of HTTP/2 can make sense of. Those that begin right
// have a content type.
func HTTP2Answers(contentType string) map[string]Answer {
	begun := made(settingsFrame, 0, 0, "")
	head := made(headersFrame, endHeaders, 1, "\x88"+literal(31, contentType)) // :status 200
	return map[string]Answer{
		"nothing":                     {},
		"another protocol":            {Greeting: "HTTP/1.1 400 Bad Request\r\n\r\n"},
		"settings of the wrong size":  {Greeting: made(settingsFrame, 0, 0, "x")},
		"a frame above the limit":     {begun, "\xff\xff\xff" + made(dataFrame, 0, 1, "")[3:]},
		"headers that cannot be read": {begun, made(headersFrame, endHeaders, 1, "\xff\xff\xff\xff\xff\xff")},
		"a page":                      {begun, made(headersFrame, endHeaders|1, 1, "\x88"+literal(31, "text/html"))},
		"a status that cannot be":     {begun, made(headersFrame, endHeaders|1, 1, literal(8, "x"))},
		"an answer without an end":    {begun, head},
		"half a message":              {begun, head + made(dataFrame, 0, 1, "\x00\x00\x00\x00\x03\x0a")},
		"a message above the limit":   {begun, head + made(dataFrame, 0, 1, "\x00\xff\xff\xff\xff")},
		"an end without a status":     {begun, head + made(dataFrame, 1, 1, "\x00\x00\x00\x00\x00")},
	}
}

// HTTP2Call is a call whose caller takes as much as HTTP/2 can say, and may never read it.
func HTTP2Call(method, contentType, body string) string {
	return preface + made(settingsFrame, 0, 0, "\x00\x04\x7f\xff\xff\xff") + // the window of streams
		made(windowFrame, 0, 0, "\x7f\x00\x00\x00") +
		made(headersFrame, endHeaders, 1, "\x83\x86"+literal(1, "x")+literal(4, method)+
			literal(31, contentType)+"\x40\x02te\x08trailers") +
		made(dataFrame, 1, 1, body)
}

// Pings asks a server for signs of life without end and reads none, until it hangs up.
func Pings(t *testing.T, address string) {
	t.Helper()
	c := Connect(t, address)
	if err := c.SetWriteDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err := io.WriteString(c, preface+made(settingsFrame, 0, 0, ""))
	for many := strings.Repeat(made(pingFrame, 0, 0, ping), 1000); err == nil; {
		_, err = io.WriteString(c, many)
	}
	if timedOut(err) {
		t.Error("the connection stays open")
	}
}
