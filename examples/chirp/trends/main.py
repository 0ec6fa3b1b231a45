"""Counts the hashtags of Chirp's latest posts, with Python's standard library alone.

It serves trends/v1/trends.proto as JSON over HTTP, and takes part in a plan as
docs/programs.md says. By itself it listens where KERF_LISTEN says:

    KERF_LISTEN=http://127.0.0.1:9000 python3 main.py
    curl -d '{}' 127.0.0.1:9000/chirp.trends.v1.Trends/Top
"""

import collections
import http.server
import json
import os
import re
import signal
import socket
import sys
import threading
import urllib.parse

LATEST = 1000  # posts whose hashtags count
LONGEST_BODY = 1 << 20
HASHTAG = re.compile(r"(?:^|\W)#(\w{1,50})(?!\w)")
HTTP_STATUS = {"invalid_argument": 400, "resource_exhausted": 429, "internal": 500, "unimplemented": 501}


class Refused(Exception):
    """An answer that is a failure: its arguments are gRPC's code and a message."""


class Trends:
    """The service. Its methods take and give protojson."""

    def __init__(self):
        self.lock = threading.Lock()  # guards tags
        self.tags = collections.OrderedDict()  # of each post, the latest last

    def count(self, request):
        post = whole(request, "postId")
        if post <= 0:
            raise Refused("invalid_argument", "the post id is missing: ids begin at 1")
        found = {tag.lower() for tag in HASHTAG.findall(str(request.get("text", "")))}
        with self.lock:
            self.tags.setdefault(post, found)
            while len(self.tags) > LATEST:
                self.tags.popitem(last=False)
        return {}

    def top(self, request):
        limit = min(whole(request, "limit") or 10, 100)
        if limit < 0:
            raise Refused("invalid_argument", "the limit is below zero")
        with self.lock:
            posts = collections.Counter(tag for tags in self.tags.values() for tag in tags)
        best = sorted(posts.items(), key=lambda tag: (-tag[1], tag[0]))[:limit]
        return {"tags": [{"name": name, "posts": str(count)} for name, count in best]}


def whole(request, name):
    """Reads a number: protojson writes those of 64 bits as text, and leaves zeros out."""
    try:
        return int(request.get(name, 0))
    except (TypeError, ValueError):
        raise Refused("invalid_argument", f"{name} is not a whole number") from None


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection. The server has the methods by their paths."""

    protocol_version = "HTTP/1.1"  # keeps connections
    wbufsize = -1  # an answer goes out as one: its parts would wait for the peer's acknowledgements

    def setup(self):
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self):
        self.server.connections.discard(self.connection)
        super().finish()

    def do_POST(self):
        try:
            code, answer = "ok", self.call()
        except Refused as refusal:
            code, answer = refusal.args[0], {"code": refusal.args[0], "message": refusal.args[1]}
        except Exception as error:  # the caller's connection must not suffer
            log("ERROR", "call failed", method=self.path, error=repr(error))
            code, answer = "internal", {"code": "internal", "message": "something went wrong"}
        log("DEBUG", "call answered", callee="trends", method=self.path.lstrip("/"), code=code,
            trace_id=(self.headers.get("traceparent", "") + "--").split("-")[1],
            correlation_id=self.headers.get("x-correlation-id", ""))
        body = json.dumps(answer).encode()
        self.send_response(HTTP_STATUS.get(code, 200))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def call(self):
        length = int(self.headers.get("Content-Length", 0))
        if length > LONGEST_BODY:
            while length > 0 and (part := self.rfile.read(min(length, 1 << 16))):
                length -= len(part)  # who still sends does not read the answer
            raise Refused("resource_exhausted", f"the message is larger than {LONGEST_BODY} bytes")
        body = self.rfile.read(length)
        method = self.server.methods.get(self.path)
        if method is None:
            raise Refused("unimplemented", f"unknown method {self.path}")
        try:
            request = json.loads(body or b"{}")
        except ValueError:
            request = None
        if not isinstance(request, dict):
            raise Refused("invalid_argument", "the body is not a message in JSON")
        return method(request)

    def log_message(self, *_):
        """Is quiet: calls are logged by do_POST."""


class Server(http.server.ThreadingHTTPServer):
    """Ends in order: what has been asked is answered, and idle connections are closed."""

    daemon_threads = False

    def __init__(self, address):
        trends = Trends()
        self.connections = set()
        self.methods = {
            "/chirp.trends.v1.Trends/Count": trends.count,
            "/chirp.trends.v1.Trends/Top": trends.top,
            "/grpc.health.v1.Health/Check": lambda _: {"status": "SERVING"},
        }
        super().__init__(address, Handler)

    def stop(self):
        self.shutdown()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RD)  # whoever waits for a request finds its end
            except OSError:
                pass  # closed meanwhile
        self.server_close()  # waits for all threads


def log(level, message, **more):
    if level != "DEBUG" or "debug" in sys.argv:
        print(json.dumps({"level": level, "msg": message, **more}), file=sys.stderr, flush=True)


def tell(**event):
    """Tells the fleet, if there is one."""
    if "KERF_FLEET" in os.environ:
        print("\x1ekerf " + json.dumps(event), flush=True)


def stopped():
    """Waits until the program is to end: until the fleet says so, or is gone."""
    if "KERF_FLEET" not in os.environ:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        threading.Event().wait()
    for line in sys.stdin:
        if json.loads(line).get("stop"):
            return


def main():
    listen = urllib.parse.urlsplit(os.environ.get("KERF_LISTEN", "").split(" ")[0] or "http://127.0.0.1:0")
    server = Server((listen.hostname, listen.port or 0))
    url = "http://%s:%d?http=1&codec=json" % server.server_address[:2]
    threading.Thread(target=server.serve_forever, args=[0.05]).start()  # looks 20 times a second for its end
    tell(listening=url)
    tell(ready=True)
    log("INFO", "ready", listening=[url])
    try:
        stopped()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()


if __name__ == "__main__":
    main()
