"""Calls one unary method over Kerf's NATS link, with JSON:

python3 natsclient.py host:port subject /package.Service/Method '{"key": "value"}'
"""

import json
import os
import socket
import struct
import sys

OPEN, DATA, PIECE, CLOSE, END = 1, 2, 3, 4, 6


def text(s):
    return struct.pack(">I", len(s.encode())) + s.encode()


def frame(kind, flags, payload=b""):
    return struct.pack(">IBBQ", len(payload), kind, flags, 1) + payload


def request(method, message):
    body = message.encode()
    opening = struct.pack(">Q", 0) + text(method) + text("json") + struct.pack(">I", 0)
    frames = frame(OPEN, 1, opening) + frame(DATA, 0, struct.pack(">I", len(body)) + body) + frame(CLOSE, 0)
    return b"kerf" + struct.pack(">BBHI", 1, 1, 0, 1) + frames


def messages(wire):
    """Yields status and payload of each message that the broker sends."""
    while line := wire.readline():
        words = line.split()
        if words[0] == b"PING":
            wire.write(b"PONG\r\n")
            wire.flush()
        elif words[0] == b"-ERR":
            sys.exit(line.decode().strip())
        elif words[0] in (b"MSG", b"HMSG"):
            headers = int(words[-2]) if words[0] == b"HMSG" else 0
            payload = wire.read(int(words[-1]))
            wire.readline()
            yield payload[:headers].split(b"\r\n")[0], payload[headers:]


def call(address, subject, method, message):
    host, port = address.rsplit(":", 1)
    wire = socket.create_connection((host, int(port)), 5).makefile("rwb")
    wire.readline()  # INFO
    options = {"verbose": False, "headers": True, "no_responders": True}
    reply, packet = "_INBOX." + os.urandom(8).hex(), request(method, message)
    wire.write(b"CONNECT %s\r\nSUB %s 1\r\n" % (json.dumps(options).encode(), reply.encode()))
    wire.write(b"PUB %s %s %d\r\n%s\r\n" % (subject.encode(), reply.encode(), len(packet), packet))
    wire.flush()
    frames, answer = b"", b""
    for status, payload in messages(wire):
        if b" 503" in status:
            sys.exit("nobody serves the subject " + subject)
        frames += payload[12:]
        while len(frames) >= 14:
            length, kind = struct.unpack(">IB", frames[:5])
            if len(frames) < 14 + length:
                break
            body, frames = frames[14 : 14 + length], frames[14 + length :]
            if kind in (DATA, PIECE):
                answer += body[4:] if kind == DATA else body
            elif kind == END:
                code, size = struct.unpack(">II", body[:8])
                if code:
                    sys.exit("status %d: %s" % (code, body[8 : 8 + size].decode()))
                return answer.decode()


if len(sys.argv) != 5:
    sys.exit(__doc__)
print(call(*sys.argv[1:]))
