"""An authorization plugin of the tests' own: it writes down what dockerd shows it, and says yes unless told otherwise."""

import collections
import http.server
import json
import os
import socketserver
import threading

NAME = "recording"

Seen = collections.namedtuple("Seen", "method target headers")


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/Plugin.Activate":
            answer = {"Implements": ["authz"]}
        elif self.path == "/AuthZPlugin.AuthZReq":
            answer = self.server.judge(json.loads(text))
        else:
            answer = {"Allow": True}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "dockerd"

    def log_message(self, *_):
        pass


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class RecordingPlugin:
    """Its socket is in a directory of its own; lib.authz.engine_prefix() shows that to a dockerd."""

    def __init__(self, directory):
        self.directory = directory
        self.directory.mkdir(exist_ok=True)
        self.deny = lambda seen: False
        self._seen = []
        self._lock = threading.Lock()
        self._server = _Server(str(directory / f"{NAME}.sock"), _Handler)
        os.chmod(directory / f"{NAME}.sock", 0o600)
        self._server.judge = self._judge
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _judge(self, question):
        seen = Seen(question["RequestMethod"], question["RequestUri"], question.get("RequestHeaders") or {})
        with self._lock:
            self._seen.append(seen)
        if self.deny(seen):
            return {"Allow": False, "Msg": "not for this user"}
        return {"Allow": True}

    def forget(self):
        with self._lock:
            self._seen.clear()

    def seen(self, method=None, part=""):
        """Since the last forget()."""
        with self._lock:
            return [seen for seen in self._seen if method in (None, seen.method) and part in seen.target]

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
