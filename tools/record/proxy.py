"""A Unix socket in front of the Engine's that passes everything on and keeps each `POST …/containers/create`."""

import re
import socket
import threading
from pathlib import Path

_CREATE = re.compile(r"POST (?:/v[0-9.]+)?/containers/create(?:\?\S*)? HTTP/1\.1")


class _Reader:
    """What one side sends, read by line and by length; every byte read is passed on at once."""

    def __init__(self, source, target):
        self._source, self._target = source, target
        self._buffer = b""

    def more(self):
        piece = self._source.recv(65536)
        self._target.sendall(piece)
        self._buffer += piece
        return piece

    def take(self, count):
        while len(self._buffer) < count:
            if not self.more():
                raise EOFError
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def until(self, mark):
        while mark not in self._buffer:
            if not self.more():
                raise EOFError
        return self.take(self._buffer.index(mark) + len(mark))


def _read_body(reader, headers):
    fields = {name.lower(): value for name, value in headers}
    if fields.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int(reader.until(b"\r\n").split(b";")[0], 16):
            body += reader.take(size)
            reader.take(2)
        reader.until(b"\r\n")
        return body
    return reader.take(int(fields.get("content-length", "0")))


class RecordingProxy:
    def __init__(self, path, engine_socket):
        self.recorded = []
        self._engine_socket = str(engine_socket)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        Path(path).chmod(0o666)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def take(self):
        """What was recorded since the last call."""
        taken, self.recorded = self.recorded, []
        return taken

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            engine.connect(self._engine_socket)
            threading.Thread(target=self._requests, args=(client, engine), daemon=True).start()
            threading.Thread(target=self._answers, args=(engine, client), daemon=True).start()

    def _requests(self, client, engine):
        reader = _Reader(client, engine)
        try:
            while self._one_request(reader):
                pass
            while reader.more():  # an upgraded connection
                pass
        except (EOFError, OSError):
            pass
        self._end(engine)

    def _one_request(self, reader):
        """False when what follows is no HTTP any more."""
        head = reader.until(b"\r\n\r\n").decode("latin-1").split("\r\n")[:-2]
        headers = [tuple(line.split(": ", 1)) for line in head[1:]]
        if any(name.lower() == "upgrade" for name, _ in headers):
            return False
        body = _read_body(reader, headers)
        if _CREATE.fullmatch(head[0]):
            method, target, _ = head[0].split(" ")
            self.recorded.append(
                {"method": method, "target": target, "headers": dict(headers), "body": body.decode()}
            )
        return True

    def _answers(self, engine, client):
        try:
            while piece := engine.recv(65536):
                client.sendall(piece)
        except OSError:
            pass
        self._end(client)

    @staticmethod
    def _end(target):
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
