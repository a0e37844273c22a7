"""HTTP over Unix sockets: whole exchanges for asking the Engine, and raw connections opened as another user."""

import contextlib
import dataclasses
import http.client
import json
import select
import socket
import subprocess


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclasses.dataclass
class Reply:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    def message(self):
        """Docker's error text, or the whole body when it is not Docker's error object."""
        try:
            return self.json()["message"]
        except (ValueError, KeyError, TypeError):
            return self.body.decode(errors="replace")


def exchange(path, method, target, body=None, headers=None, timeout=60.0):
    """One request, one whole reply. `body` may be bytes or something for json.dumps."""
    connection = _UnixConnection(str(path), timeout)
    headers = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    try:
        # Whoever answers before the body has come may close at once; the answer is there to be read.
        with contextlib.suppress(BrokenPipeError):
            connection.request(method, target, body, headers)
        response = connection.getresponse()
        return Reply(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def is_listening(path):
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(str(path))
        return True
    except OSError:
        return False
    finally:
        probe.close()


# Connects as the user and hands the connection over; stays until its standard input ends, since ds01d refuses
# requests on a connection whose opener has gone.
_OPENER = """
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(sys.argv[1])
socket.send_fds(socket.socket(fileno=int(sys.argv[2])), [b"x"], [s.fileno()])
s.close()
sys.stdin.read()
"""


class RawConnection:
    """A connection whose peer, to the kernel, is a process of `user`; what goes over it is up to the test."""

    def __init__(self, user, path, timeout=15.0):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.opener = subprocess.Popen(
                ["/usr/bin/python3", "-c", _OPENER, str(path), str(theirs.fileno())],
                stdin=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                cwd="/",
                user=user.uid,
                group=user.gid,
                extra_groups=[],
            )
            theirs.close()
            ours.settimeout(timeout)
            data, fds, _, _ = socket.recv_fds(ours, 1, 1)
        if not fds:
            self.end_opener()
            raise ConnectionError(f"could not connect to {path} as {user.name}")
        self.socket = socket.socket(fileno=fds[0])
        self.socket.settimeout(timeout)
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def end_opener(self):
        if self.opener.stdin:
            self.opener.stdin.close()
        self.opener.wait(10)

    def close(self):
        self.socket.close()
        self.end_opener()

    def send(self, data):
        self.socket.sendall(data)

    def try_send(self, data):
        """For what the peer may refuse half-way: a closed connection is not an error."""
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def request(self, method, target, body=None, headers=None):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        lines = [f"{method} {target} HTTP/1.1", "Host: docker"]
        fields = dict(headers or {})
        if body is not None:
            fields.setdefault("Content-Type", "application/json")
            fields.setdefault("Content-Length", str(len(body)))
        lines += [f"{name}: {value}" for name, value in fields.items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))

    def ask(self, method, target, body=None, headers=None):
        self.request(method, target, body, headers)
        return self.reply()

    def _more(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        self._buffer += piece
        return bool(piece)

    def _line(self):
        while b"\r\n" not in self._buffer:
            if not self._more():
                raise EOFError(f"connection closed; unread: {self._buffer[:200]!r}")
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def _exactly(self, count):
        while len(self._buffer) < count:
            if not self._more():
                raise EOFError(f"connection closed within a body: {self._buffer[:200]!r}")
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def reply(self):
        """The next whole reply; EOFError when the peer closes instead. Interim 1xx replies are passed over."""
        status = int(self._line().split(b" ", 2)[1])
        headers = {}
        while line := self._line():
            name, value = line.split(b":", 1)
            headers[name.decode().strip().lower()] = value.decode().strip()
        if 100 <= status < 200 and status != 101:
            return self.reply()
        if status in (101, 204, 304):
            body = b""
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int(self._line().split(b";")[0], 16):
                body += self._exactly(size)
                self._line()
            self._line()
        elif "content-length" in headers:
            body = self._exactly(int(headers["content-length"]))
        else:
            while self._more():
                pass
            body, self._buffer = self._buffer, b""
        return Reply(status, headers, body)

    def replies_until_closed(self, limit=10):
        """All whole replies up to the close or to `limit`; for peers that must stop answering at some point."""
        found = []
        while len(found) < limit:
            try:
                found.append(self.reply())
            except (EOFError, socket.timeout):
                break
        return found

    def silent(self, seconds):
        """True if nothing arrives and nothing closes for that long."""
        return not self._buffer and not select.select([self.socket], [], [], seconds)[0]

    def some(self):
        """What comes next, as much as there is; nothing at the end."""
        if not self._buffer:
            self._more()
        data, self._buffer = self._buffer, b""
        return data

    def hang_up(self):
        """For a connection that another thread reads, which this wakes."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def stream(self):
        """What is left, raw, until the peer closes (hijacked streams)."""
        while self._more():
            pass
        data, self._buffer = self._buffer, b""
        return data
