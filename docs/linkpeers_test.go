package docs

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/kerf-go/kerf/link/call/frame"
)

// These are servers that say what Kerf's own say rarely, or never.

const (
	patience = 20 * time.Second
	preface  = "kerf\x01\x01\x00\x00"
	asked    = "12345678" // what a ping holds
)

// made is a frame; those of messages and ends have the kinds 2, 3 and 6.
func made(k frame.Kind, call uint64, payload string) string {
	return string(frame.Append(nil, frame.Frame{Kind: k, Call: call, Payload: []byte(payload)}))
}

// answer is a message in two pieces, and an end without a status or metadata.
func answer(call uint64) string {
	return made(2, call, "\x00\x00\x00\x02{") + made(3, call, "}") + made(frame.End, call, string(make([]byte, 16)))
}

func TestTheTCPClientAnswersPings(t *testing.T) {
	t.Parallel()
	address := accept(t, func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, len(preface)))
		_, _ = io.WriteString(c, preface+made(frame.Ping, 0, asked))
		await(t, c, made(frame.Pong, 0, asked))
		_, _ = io.WriteString(c, answer(1))
	})
	if out, err := run(t, goClient(t, "tcpclient"), address, check, "{}"); err != nil || out != "{}\n" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTheTCPClientTellsAServerOfAnotherVersion(t *testing.T) {
	t.Parallel()
	address := accept(t, func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, len(preface)))
		_, _ = io.WriteString(c, "kerf\x09\x08\x00\x00")
	})
	out, err := run(t, goClient(t, "tcpclient"), address, check, "{}")
	if err == nil || out != "no server of version 1: it says \"kerf\\t\\b\\x00\\x00\"\n" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTheUDPClientTellsAServerOfAnotherVersion(t *testing.T) {
	t.Parallel()
	c, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		for hello := make([]byte, 2000); ; {
			_, from, err := c.ReadFrom(hello)
			if err != nil {
				return
			}
			welcome := append([]byte("kerf\x09\x02\x00\x00"), make([]byte, 36)...)
			welcome[42] = 8 // the oldest version that it speaks
			_, _ = c.WriteTo(welcome, from)
		}
	}()
	out, err := run(t, goClient(t, "udpclient"), c.LocalAddr().String(), check, "{}")
	if err == nil || !strings.HasPrefix(out, "no server of version 1 that takes calls: it says 6b657266") ||
		strings.Contains(out, "%!") {
		t.Errorf("%v: %s", err, out)
	}
}

// packet is one of the NATS link.
func packet(number uint32, frames string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte(preface), number), frames...)
}

// A ping comes with the number 0, between the packets of a row that may be cut
// anywhere.
func TestTheNATSClientAnswersPings(t *testing.T) {
	t.Parallel()
	python, broker := python(t), startBroker(t)
	c, err := nats.Connect(broker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	row := answer(1)
	cut := len(row) / 2
	calls, err := c.SubscribeSync("played")
	if err != nil {
		t.Fatal(err)
	}
	pongs, err := c.SubscribeSync("played.at")
	if err == nil {
		err = c.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		m, err := calls.NextMsg(patience)
		if err != nil {
			t.Error(err)
			return
		}
		_ = c.PublishRequest(m.Reply, "played.at", packet(1, row[:cut]))
		_ = c.PublishRequest(m.Reply, "played.at", packet(0, made(frame.Ping, 0, asked)))
		pong, err := pongs.NextMsg(patience)
		if err != nil {
			t.Error("no pong:", err)
			_ = c.Publish(m.Reply, packet(0, made(frame.GoAway, 0, "")))
			return
		}
		if want := packet(0, made(frame.Pong, 1, asked)); !bytes.Equal(pong.Data, want) || pong.Reply != m.Reply {
			t.Errorf("with answers to %s:\ngot  %q\nwant %q", pong.Reply, pong.Data, want)
		}
		_ = c.Publish(m.Reply, packet(2, row[cut:]))
	}()
	if out, err := run(t, python, natsClient, broker, "played", check, "{}"); err != nil || out != "{}\n" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTheNATSClientTellsThatTheServerHasStopped(t *testing.T) {
	t.Parallel()
	python, broker := python(t), startBroker(t)
	c, err := nats.Connect(broker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	_, err = c.Subscribe("played", func(m *nats.Msg) { _ = m.Respond(packet(0, made(frame.GoAway, 0, ""))) })
	if err == nil {
		err = c.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := run(t, python, natsClient, broker, "played", check, "{}")
	if err == nil || out != "the server has stopped\n" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTheNATSClientTellsThatTheBrokerIsGone(t *testing.T) {
	t.Parallel()
	python := python(t)
	broker := accept(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "INFO {}\r\n")
		await(t, c, made(frame.Close, 1, "")+"\r\n")
	})
	out, err := run(t, python, natsClient, broker, "played", check, "{}")
	if err == nil || out != "the broker hung up\n" {
		t.Errorf("%v: %s", err, out)
	}
}

// accept plays one connection, and gives the address.
func accept(t *testing.T, play func(net.Conn)) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	played := make(chan struct{})
	go func() {
		defer close(played)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		play(c)
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-played
	})
	return l.Addr().String()
}

// await reads up to what a client says last.
func await(t *testing.T, c net.Conn, last string) {
	t.Helper()
	heard := make([]byte, 0, 1<<10)
	for !bytes.HasSuffix(heard, []byte(last)) {
		n, err := c.Read(heard[len(heard):cap(heard)])
		if err != nil {
			t.Errorf("%v after %q", err, heard)
			return
		}
		heard = heard[:len(heard)+n]
	}
}

// goClient builds a client, and gives the path of its binary.
func goClient(t *testing.T, name string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), name)
	output(t, exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./links/"+name))
	return binary
}

func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		missing(t, "the client is in Python: install python3 to run this test")
	}
	return path
}

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
	return string(out), err
}
