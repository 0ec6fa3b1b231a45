"""Calls one unary method over Kerf's NATS link, with JSON:

python3 natsclient.py host:port subject /package.Service/Method '{"key": "value"}'
"""

import os
import socket
import struct
import sys

OPEN, DATA, PIECE, CLOSE, END, PING, PONG, GOAWAY = 1, 2, 3, 4, 6, 9, 10, 11


def text(s):
    return struct.pack(">I", len(s.encode())) + s.encode()


def frame(kind, flags, payload=b""):
    return struct.pack(">IBBQ", len(payload), kind, flags, 1) + payload


def publish(wire, subject, reply, number, frames):
    packet = b"kerf" + struct.pack(">BBHI", 1, 1, 0, number) + frames
    wire.write(b"PUB %s %s %d\r\n%s\r\n" % (subject.encode(), reply.encode(), len(packet), packet))
    wire.flush()


def messages(wire):
    """Yields status, subject for replies and payload of each message that the broker sends."""
    while line := wire.readline():
        words = line.decode().split()
        if words[0] == "PING":
            wire.write(b"PONG\r\n")
            wire.flush()
        elif words[0] == "-ERR":
            sys.exit(line.decode().strip())
        elif words[0] in ("MSG", "HMSG"):
            headers = int(words[-2]) if words[0] == "HMSG" else 0
            payload = wire.read(int(words[-1]))
            wire.readline()
            yield payload[:headers].split(b"\r\n")[0], words[3], payload[headers:]
    sys.exit("the broker hung up")


def call(address, subject, method, message):
    wire = socket.create_connection(address.rsplit(":", 1), 20).makefile("rwb")  # who works is not silent for 20 s
    wire.readline()  # INFO
    reply = "_INBOX." + os.urandom(8).hex()
    wire.write(b'CONNECT {"verbose": false, "headers": true, "no_responders": true}\r\nSUB %s 1\r\n' % reply.encode())
    opening = bytes(8) + text(method) + text("json") + bytes(4)  # no limit of time, no metadata
    publish(wire, subject, reply, 1, frame(OPEN, 1, opening) + frame(DATA, 0, text(message)) + frame(CLOSE, 0))
    row, answer = b"", b""
    for status, callee, payload in messages(wire):
        if b" 503" in status:
            sys.exit("nobody serves the subject " + subject)
        numbered = any(payload[8:12])  # else it stands for itself
        frames = (row if numbered else b"") + payload[12:]
        while len(frames) >= 14 + int.from_bytes(frames[:4], "big"):
            length, kind = struct.unpack(">IB", frames[:5])
            body, frames = frames[14 : 14 + length], frames[14 + length :]
            if kind in (DATA, PIECE):
                answer += body[4:] if kind == DATA else body
            elif kind == PING:
                publish(wire, callee, reply, 0, frame(PONG, 0, body))
            elif kind == GOAWAY:
                sys.exit("the server has stopped")
            elif kind == END:
                code, size = struct.unpack(">II", body[:8])
                if code:
                    sys.exit("status %d: %s" % (code, body[8 : 8 + size].decode()))
                return answer.decode()
        row = frames if numbered else row


if len(sys.argv) != 5:
    sys.exit(__doc__)
print(call(*sys.argv[1:]))
