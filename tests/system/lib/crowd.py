"""Many connections of one user. They are opened by a process of that user, which stays; what goes over them is up to the
test."""

import contextlib
import socket
import subprocess

# At most 253 descriptors go in one message (SCM_MAX_FD).
_OPENER = """
import socket, sys
channel = socket.socket(fileno=int(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(sys.argv[1])
    socket.send_fds(channel, [b"x"], [s.fileno()])
    s.close()
channel.close()
sys.stdin.read()
"""


@contextlib.contextmanager
def connections(client, count, timeout=30.0):
    """`count` sockets, connected as the user of `client` in the order of the list."""
    ours, theirs = socket.socketpair()
    opener = subprocess.Popen(
        ["/usr/bin/python3", "-c", _OPENER, str(client.socket), str(theirs.fileno()), str(count)],
        stdin=subprocess.PIPE,
        pass_fds=[theirs.fileno()],
        cwd="/",
        user=client.user.uid,
        group=client.user.gid,
        extra_groups=[],
    )
    theirs.close()
    ours.settimeout(timeout)
    made = []
    try:
        for _ in range(count):
            _, fds, _, _ = socket.recv_fds(ours, 1, 1)
            assert fds, f"{client.user.name} could open {len(made)} of {count} connections"
            made.append(socket.socket(fileno=fds[0]))
            made[-1].settimeout(timeout)
        yield made
    finally:
        for connection in made:
            connection.close()
        ours.close()
        opener.stdin.close()
        opener.wait(10)


def read_all(connection):
    """What comes until the peer closes."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            data += piece
    return data


def try_send(connection, data):
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(data)


def status_of(data):
    """Of the first answer in `data`; None if there is none."""
    return int(data.split(b" ", 2)[1]) if data.startswith(b"HTTP/1.") else None
