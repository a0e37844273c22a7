"""Does what an attempt says, as who it says, and returns all that came back."""

import json
import select
import time

from . import grpc
from .bodies import renamed_image, tar_of

RAW_LIMIT_S = 5.0  # for raw bytes of which a part was not answered: a proxy waits for more, we do not
CALLS_LIMIT_S = 20.0


def _body(step, engine):
    if "json" in step:
        return json.dumps(step["json"], ensure_ascii=False).encode()
    if "tar" in step:
        return tar_of(step["tar"])
    if "load" in step:
        return renamed_image(engine, step["load"])
    return step["body"].encode() if "body" in step else None


def _request(person, step, engine):
    method, target = step["send"].split(" ", 1)
    headers = dict(step.get("headers", {}))
    if "tar" in step or "load" in step:
        headers.setdefault("Content-Type", "application/x-tar")
    with person.connect(step.get("to")) as connection:
        try:
            connection.request(method, target, _body(step, engine), headers)
        except OSError:
            pass  # It answered before it had read all, and closed.
        if "Upgrade" in headers or "/attach" in target or "follow=1" in target:
            return _until_done(connection, step)
        try:
            return connection.reply().body
        except (EOFError, OSError, ValueError):
            return b""


def _whole_replies(data):
    """How many whole answers there are; a stream has none."""
    count = 0
    while b"\r\n\r\n" in data:
        head, data = data.split(b"\r\n\r\n", 1)
        fields = head.lower()
        if b"transfer-encoding: chunked" in fields:
            if b"0\r\n\r\n" not in data:
                return count
            data = data.split(b"0\r\n\r\n", 1)[1]
        elif b"content-length:" in fields:
            length = int(fields.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(data) < length:
                return count
            data = data[length:]
        elif b" 204 " not in head.split(b"\r\n")[0] and b" 304 " not in head.split(b"\r\n")[0]:
            return count
        count += 1
    return count


def _until_done(connection, step):
    """Until the peer closes, what was to be told has come, or so many answers."""
    data, deadline = b"", time.monotonic() + RAW_LIMIT_S
    told, answers = step.get("_told"), step.get("answers", 1)
    while not (told and told in data) and not 0 < answers <= _whole_replies(data):
        if not select.select([connection.socket], [], [], max(0.0, deadline - time.monotonic()))[0]:
            break
        try:
            piece = connection.socket.recv(65536)
        except OSError:
            break
        if not piece:
            break
        data += piece
    return data


def perform(step, person, engine, kept):
    """`kept`: an exit stack, for what stays open until the attempt is over."""
    if "argv" in step:
        argv = [person.client.cli if word == "docker" else word for word in step["argv"]]
        done = person.client.run(argv, check=False, stdin=step.get("body"), timeout=60)
        return (done.stdout + done.stderr).encode()
    if "grpc" in step:
        return _calls(person, step, kept)
    try:
        return _request(person, step, engine) if "send" in step else _raw(person, step)
    except ConnectionError:
        if "to" not in step:
            raise
        return b""  # that a door is closed is an answer, unless it is the one under test


def _raw(person, step):
    with person.connect(step.get("to")) as connection:
        connection.try_send(step["raw"].encode())
        if "then_hex" in step:  # once the first answer is there, which has switched protocols
            _until_done(connection, {"answers": 0, "_told": b"\r\n\r\n"})
            connection.try_send(bytes.fromhex(step["then_hex"]))
        return _until_done(connection, step)


def _calls(person, step, kept):
    """Until all calls are over, or what was to be told has come; `stays`: then the connection stays open."""
    connection = kept.enter_context(person.connect(step.get("to")))
    connection.try_send(grpc.UPGRADE)
    head = _until_done(connection, {"answers": 0, "_told": b"\r\n\r\n"})
    if b" 101 " not in head.split(b"\r\n")[0]:
        return head
    connection.try_send(grpc.connection(step["grpc"]))
    received, behind = head, head.index(b"\r\n\r\n") + 4
    told, deadline = step.get("stays", "").encode() or step["_told"], time.monotonic() + CALLS_LIMIT_S
    while not (told and told in received) and grpc.ended(received[behind:]) < len(step["grpc"]):
        if not select.select([connection.socket], [], [], max(0.0, deadline - time.monotonic()))[0]:
            break
        piece = connection.socket.recv(65536)
        if not piece:
            break
        received += piece
    if "stays" not in step:
        connection.close()
    return received
