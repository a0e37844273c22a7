"""A client of BuildKit that sends whatever build context it likes: `POST /session`, over which BuildKit asks for files as
a gRPC client, and one Solve over `POST /grpc`. Messages are those of fsutil (types/wire.proto, types/stat.proto) and of
moby/buildkit (control.proto)."""

import collections
import dataclasses
import gzip
import secrets
import stat
import sys
import threading
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "corpus"))

from runner.grpc import field  # noqa: E402

from .need import need  # noqa: E402

DIFF_COPY = "/moby.filesync.v1.FileSync/DiffCopy"
HEALTH = "/grpc.health.v1.Health/Check"
SOLVE = "/moby.buildkit.v1.Control/Solve"
_STAT, _REQUEST, _DATA, _FIN, _ERROR = range(5)
_UNIMPLEMENTED = 12
_PIECE = 32 * 1024

# What is not a permission in os.FileMode of Go.
_KINDS = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
    stat.S_IFREG: 0,
}
_BITS = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


def go_mode(mode):
    special = sum(theirs for ours, theirs in _BITS.items() if mode & ours)
    return _KINDS[stat.S_IFMT(mode)] | special | mode & 0o777


@dataclasses.dataclass
class Entry:
    """One of a context, as it is told; `mode` as in stat(2). `size`: if another than that of the data. `again`: a path
    that stands in a second Stat of the same packet, which protobuf merges into the first. `late`: data sent behind the end
    of the file."""

    path: str
    mode: int = stat.S_IFREG | 0o644
    data: bytes = b""
    linkname: str = ""
    xattrs: dict = dataclasses.field(default_factory=dict)
    device: tuple = (0, 0)
    mtime: int = 1_700_000_000_000_000_000
    size: int | None = None
    again: str | None = None
    late: bytes = b""

    def packet(self):
        size = len(self.data) if self.size is None else self.size
        out = field(1, self.path) + field(2, go_mode(self.mode)) + field(5, size) + field(6, self.mtime)
        out += field(7, self.linkname) if self.linkname else b""
        out += field(8, self.device[0]) + field(9, self.device[1]) if any(self.device) else b""
        for key, value in self.xattrs.items():
            out += field(10, field(1, key) + field(2, value))
        again = field(2, field(1, self.again)) if self.again is not None else b""
        return field(1, _STAT) + field(2, out) + again


class End(Entry):
    """That there are no more entries. A session says it by itself at the end of each folder."""

    def __init__(self):
        super().__init__("")

    def packet(self):
        return field(1, _STAT)


def directory(path, mode=0o755, **more):
    return Entry(path, stat.S_IFDIR | mode, **more)


def regular(path, data=b"", mode=0o644, **more):
    return Entry(path, stat.S_IFREG | mode, data.encode() if isinstance(data, str) else data, **more)


def hard_link(path, to, data, **more):
    """As fsutil tells it: without a size, which makes no difference to who asks for the data."""
    return regular(path, data, linkname=to, size=0, **more)


def symlink(path, target, **more):
    return Entry(path, stat.S_IFLNK | 0o777, linkname=str(target), **more)


def _fields(message):
    """Number → the last value, for those messages that are small and flat."""
    found, at = {}, 0

    def varint():
        nonlocal at
        number, shift = 0, 0
        while True:
            byte, at = message[at], at + 1
            number, shift = number | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return number

    while at < len(message):
        key = varint()
        value = varint()
        if key & 7 == 2:
            value, at = message[at : at + value], at + value
        found[key >> 3] = value
    return found


class _Link:
    """HTTP/2 over a connection that was upgraded to it: messages of gRPC in, and out as far as windows let them."""

    def __init__(self, raw, client_side, compressed=False):
        import h2.config
        import h2.connection

        self._raw, self._compressed = raw, compressed
        config = h2.config.H2Configuration(client_side=client_side, header_encoding="utf-8")
        self.http2 = h2.connection.H2Connection(config)
        self._lines = collections.defaultdict(collections.deque)  # stream → what is to be sent; None ends it
        self._begun = collections.defaultdict(bytes)  # stream → a message that has come in part
        self._trailers = {}
        self.http2.initiate_connection()
        self.flush()

    def send(self, stream, message=None, trailers=None):
        """A message, or the end of our side of the stream."""
        if message is not None:
            message = gzip.compress(message) if self._compressed else message
            framed = bytes([self._compressed]) + len(message).to_bytes(4, "big") + message
            self._lines[stream] += [framed[at : at + _PIECE] for at in range(0, len(framed), _PIECE)]
        else:
            self._trailers[stream] = trailers
            self._lines[stream].append(None)

    def _pump(self, stream):
        line = self._lines[stream]
        while line:
            if line[0] is None:
                trailers = self._trailers.pop(stream)
                if trailers is None:
                    self.http2.end_stream(stream)
                else:
                    self.http2.send_headers(stream, trailers, end_stream=True)
                line.popleft()
                continue
            room = min(self.http2.local_flow_control_window(stream), self.http2.max_outbound_frame_size)
            if room <= 0:
                return
            piece = line.popleft()
            if len(piece) > room:
                line.appendleft(piece[room:])
            self.http2.send_data(stream, piece[:room])

    def flush(self):
        import h2.exceptions

        for stream in list(self._lines):
            try:
                self._pump(stream)
            except h2.exceptions.StreamClosedError:
                self.forget(stream)
        self._raw.send(self.http2.data_to_send())

    def forget(self, stream):
        self._lines.pop(stream, None)
        self._begun.pop(stream, None)

    def events(self):
        """Each event with the whole messages that it brought, until the connection ends."""
        import h2.events

        while piece := self._raw.some():
            for event in self.http2.receive_data(piece):
                messages = []
                if isinstance(event, h2.events.DataReceived):
                    self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    messages = self._messages(event.stream_id, event.data)
                yield event, messages
            self.flush()

    def _messages(self, stream, data):
        data, found = self._begun[stream] + data, []
        while len(data) >= 5 and len(data) >= 5 + (size := int.from_bytes(data[1:5], "big")):
            found.append(data[5 : 5 + size])
            data = data[5 + size :]
        self._begun[stream] = data
        return found


def need_h2():
    try:
        import h2  # noqa: F401
    except ImportError:
        need(False, "needs python3-h2, which `sudo tools/dev setup` installs")


class Session:
    """What answers BuildKit. `folders`: the name of a context → its entries, in the order in which they are sent."""

    def __init__(self, connect, folders, shared_key=None, compressed=False):
        need_h2()
        self._compressed = compressed
        self.id = secrets.token_hex(12)
        self.folders = folders
        self.calls = []  # (path, headers) of each call
        self.asked = []  # paths whose data BuildKit asked for
        self.errors = []  # what BuildKit said in a packet
        self._streams = {}  # stream → entries, of calls of DiffCopy
        self._raw = connect()
        headers = [("Connection", "Upgrade"), ("Upgrade", "h2c"), ("X-Docker-Expose-Session-Uuid", self.id)]
        headers += [("X-Docker-Expose-Session-Name", "tests"), ("X-Docker-Expose-Session-Grpc-Method", DIFF_COPY)]
        headers += [("X-Docker-Expose-Session-Grpc-Method", HEALTH)]
        headers += [("X-Docker-Expose-Session-Sharedkey", shared_key)] if shared_key else []
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._raw.send(f"POST /session HTTP/1.1\r\nHost: d\r\n{head}\r\n".encode())
        reply = self._raw.reply()
        if reply.status != 101:
            self._raw.close()
            raise AssertionError(f"/session: {reply.status} {reply.message()}")
        self._raw.socket.settimeout(None)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._raw.hang_up()
        self._thread.join(20)
        self._raw.close()

    def _serve(self):
        import h2.exceptions

        link = _Link(self._raw, client_side=False, compressed=self._compressed)
        try:
            for event, messages in link.events():
                try:
                    self._answer(link, event, messages)
                except h2.exceptions.StreamClosedError:
                    link.forget(event.stream_id)
        except (OSError, h2.exceptions.ProtocolError):
            pass  # The connection was ended, which is an end like others.

    def _answer(self, link, event, messages):
        import h2.events

        if isinstance(event, h2.events.RequestReceived):
            self._called(link, event.stream_id, dict(event.headers))
        elif isinstance(event, h2.events.StreamReset):
            link.forget(event.stream_id)
        for message in messages:
            if event.stream_id in self._streams:
                self._packet(link, event.stream_id, _fields(message))

    def _called(self, link, stream, headers):
        path = headers[":path"]
        self.calls.append((path, headers))
        name = headers.get("dir-name")
        answer = [(":status", "200"), ("content-type", "application/grpc")]
        answer += [("grpc-encoding", "gzip")] if self._compressed else []
        if path == DIFF_COPY and name in self.folders:
            link.http2.send_headers(stream, answer)
            self._streams[stream] = self.folders[name]
            for entry in self.folders[name]:
                link.send(stream, entry.packet())
            link.send(stream, field(1, _STAT))
        elif path == HEALTH:
            link.http2.send_headers(stream, answer)
            link.send(stream, field(1, 1))
            link.send(stream, trailers=[("grpc-status", "0")])
        else:
            link.http2.send_headers(stream, [*answer, ("grpc-status", str(_UNIMPLEMENTED))], end_stream=True)

    def _packet(self, link, stream, packet):
        kind = packet.get(1, _STAT)
        if kind == _REQUEST:
            number = packet.get(3, 0)
            entry = self._streams[stream][number]
            self.asked.append(entry.path)
            for at in range(0, len(entry.data), _PIECE):
                link.send(stream, field(1, _DATA) + field(3, number) + field(4, entry.data[at : at + _PIECE]))
            link.send(stream, field(1, _DATA) + field(3, number))
            if entry.late:
                link.send(stream, field(1, _DATA) + field(3, number) + field(4, entry.late))
        elif kind == _FIN:
            link.send(stream, field(1, _FIN))
            link.send(stream, trailers=[("grpc-status", "0")])
        elif kind == _ERROR:
            self.errors.append(packet.get(4, b"").decode(errors="replace"))
            link.send(stream, trailers=[("grpc-status", "0")])


@dataclasses.dataclass
class Outcome:
    """Of a call: the status of gRPC (0 is well), or none if it had not ended in time or was cut."""

    status: int | None
    message: str = ""


def _attributes(number, values):
    return b"".join(field(number, field(1, key) + field(2, value)) for key, value in values.items())


def solve(connect, session, options=None, image=None, timeout=60.0, exporter=""):
    """Builds by the frontend for Dockerfiles, with the files of `session`; into an image if that has a name."""
    request = field(1, secrets.token_hex(12)) + field(5, session.id) + field(6, "dockerfile.v0")
    if image:
        request += field(3, "moby") + _attributes(4, {"name": image})
    elif exporter:
        request += field(3, exporter)
    request += _attributes(7, options or {})
    return call(connect, SOLVE, request, timeout)


def call(connect, path, request, timeout=60.0):
    """One call over a connection of its own."""
    import h2.events

    raw = connect()
    try:
        raw.request("POST", "/grpc", headers={"Connection": "Upgrade", "Upgrade": "h2c"})
        reply = raw.reply()
        if reply.status != 101:
            raise AssertionError(f"/grpc: {reply.status} {reply.message()}")
        link = _Link(raw, client_side=True)
        head = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "d")]
        link.http2.send_headers(1, [*head, ("content-type", "application/grpc"), ("te", "trailers")])
        link.send(1, request)
        link.send(1)
        link.flush()
        deadline = time.monotonic() + timeout
        raw.socket.settimeout(timeout)
        for event, _ in link.events():
            if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                headers = dict(event.headers)
                if "grpc-status" in headers:
                    text = urllib.parse.unquote(headers.get("grpc-message", ""))
                    return Outcome(int(headers["grpc-status"]), text)
            raw.socket.settimeout(max(0.01, deadline - time.monotonic()))
    except TimeoutError:
        return Outcome(None, "no end in time")
    finally:
        raw.close()
    return Outcome(None, "the connection ended")
