"""Keeps connections busy until its standard input ends: flood.py SOCKET CONNECTIONS TARGET. Prints how many answers of
each status there were."""

import collections
import json
import selectors
import socket
import sys

path, count, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]
request = f"GET {target} HTTP/1.1\r\nHost: d\r\n\r\n".encode()
selector = selectors.DefaultSelector()
statuses = collections.Counter()


def whole(data):
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        return False
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        return body.endswith(b"0\r\n\r\n")
    return len(body) >= int(lower.split(b"content-length:")[1].split(b"\r\n")[0])


for _ in range(count):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    connection.sendall(request)
    selector.register(connection, selectors.EVENT_READ, bytearray())
selector.register(sys.stdin, selectors.EVENT_READ)
print("begun", flush=True)
ended = False
while not ended:
    for key, _ in selector.select():
        if key.data is None:
            ended = True
            break
        piece = key.fileobj.recv(65536)
        if not piece:
            sys.exit(f"a connection was closed after {bytes(key.data)!r}; {statuses}")
        key.data.extend(piece)
        if whole(bytes(key.data)):
            statuses[bytes(key.data[9:12]).decode()] += 1
            key.data.clear()
            key.fileobj.sendall(request)
print(json.dumps(statuses), flush=True)
