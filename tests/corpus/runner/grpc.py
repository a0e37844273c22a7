"""Calls of gRPC as bytes: a connection of HTTP/2 whose headers are literals, and those messages of BuildKit's API that
attempts send. Numbers of fields are those of control.proto and ops.proto of moby/buildkit.

A call is {path, one of the messages below, headers, compressed, split}; a list of messages of one kind is sent in one call.

- `solve`: {ref, exporter, name, attributes, field, entitlements} and either {image, run, network}: a build without a
  frontend, of `image` alone or of a step in it; or {frontend, options}: one whose files never come, so that BuildKit waits
  a few seconds for them. `field`: 3, where older clients put the one exporter, or 13.
- `status`: the ref of a build
- `hex`: whatever else"""

import gzip
import hashlib
import secrets

UPGRADE = b"POST /grpc HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _CONTINUATION = 0, 1, 3, 4, 9
_END_STREAM, _END_HEADERS = 1, 4
_FRAME_HEAD = 9


def _varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number, value):
    """Of protobuf: an integer, or a text, bytes or message with its length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    value = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _attributes(number, values):
    return b"".join(field(number, field(1, key) + field(2, value)) for key, value in values.items())


def _definition(image, run, network):
    """Operations, each of which names those before it by their digests; the last one has the result as its input."""
    operations = []

    def add(operation):
        operations.append(operation)
        return field(1, field(1, f"sha256:{hashlib.sha256(operation).hexdigest()}"))

    result = add(field(3, field(1, f"docker-image://docker.io/{image}")))
    if run:
        meta = b"".join(field(1, word) for word in run) + field(2, "PATH=/bin") + field(3, "/")
        step = field(1, meta) + field(2, field(3, "/"))
        result = add(result + field(2, step + (field(3, 1) if network == "host" else b"")))
    add(result)
    return b"".join(field(1, each) for each in operations)


def _solve(spec):
    out = field(1, spec.get("ref") or secrets.token_hex(12))
    if "image" in spec:
        out += field(2, _definition(spec["image"], spec.get("run"), spec.get("network")))
    else:
        out += field(5, secrets.token_hex(12)) + field(6, spec["frontend"])  # the session is nobody's
    attributes = {**({"name": spec["name"]} if "name" in spec else {}), **spec.get("attributes", {})}
    if "exporter" in spec and spec.get("field") == 13:
        out += field(13, field(1, spec["exporter"]) + _attributes(2, attributes))
    elif "exporter" in spec:
        out += field(3, spec["exporter"]) + _attributes(4, attributes)
    out += _attributes(7, spec.get("options", {}))
    return out + b"".join(field(9, each) for each in spec.get("entitlements", []))


_MESSAGES = {"solve": _solve, "status": lambda ref: field(1, ref), "hex": bytes.fromhex}
KEYS = {*_MESSAGES, "path", "headers", "compressed", "split"}


def _body(call):
    out = b""
    for kind in call.keys() & _MESSAGES:
        for each in call[kind] if isinstance(call[kind], list) else [call[kind]]:
            message = _MESSAGES[kind](each)
            message = gzip.compress(message) if call.get("compressed") else message
            out += bytes([bool(call.get("compressed"))]) + len(message).to_bytes(4, "big") + message
    return out


def _text(value):
    """Of HPACK, without Huffman's code."""
    size, value = len(value.encode()), value.encode()
    return (bytes([size]) if size < 0x7F else b"\x7f" + _varint(size - 0x7F)) + value


def _header_block(call):
    headers = {"content-type": "application/grpc", "te": "trailers", **call.get("headers", {})}
    if call.get("compressed"):
        headers["grpc-encoding"] = "gzip"
    # POST and http of the static table, and two of its names.
    block = b"\x83\x86\x04" + _text(call["path"]) + b"\x01" + _text("d")
    return block + b"".join(b"\x00" + _text(key) + _text(value) for key, value in headers.items())


def _frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _head_frames(call, stream):
    block = _header_block(call)
    if not call.get("split"):
        return _frame(_HEADERS, _END_HEADERS, stream, block)
    pieces = [block[at : at + 20] for at in range(0, len(block), 20)]
    frames = [_frame(_HEADERS, 0, stream, pieces[0])]
    frames += [_frame(_CONTINUATION, 0, stream, each) for each in pieces[1:]]
    return b"".join(frames) + _frame(_CONTINUATION, _END_HEADERS, stream)


def connection(calls):
    """All that a client sends behind the upgrade: each call on a stream of its own, in this order."""
    out = _PREFACE + _frame(_SETTINGS, 0, 0)
    for number, call in enumerate(calls):
        stream = 2 * number + 1
        out += _head_frames(call, stream) + _frame(_DATA, _END_STREAM, stream, _body(call))
    return out


def ended(received):
    """How many calls are over, in what came behind the answer to the upgrade."""
    streams, at = set(), 0
    while len(received) >= at + _FRAME_HEAD:
        size, kind, flags = int.from_bytes(received[at : at + 3], "big"), received[at + 3], received[at + 4]
        whole = len(received) >= at + _FRAME_HEAD + size
        if whole and (kind == _RESET or (kind in (_DATA, _HEADERS) and flags & _END_STREAM)):
            streams.add(received[at + 5 : at + 9])
        at += _FRAME_HEAD + size
    return len(streams)
