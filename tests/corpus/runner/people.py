"""Who calls: each login has one child process that connects as that login and hands the connections over."""

import pwd
import socket
import subprocess
import threading
from pathlib import Path

from lib.client import Client, installed_clis
from lib.unix_http import RawConnection
from lib.users import User

# It stays until its control socket closes, since ds01d refuses requests on a connection whose opener has gone.
_OPENER = """
import socket, sys
control = socket.socket(fileno=int(sys.argv[1]))
while path := control.recv(4096):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        s.connect(path)
    except OSError:
        control.send(b"n")
        continue
    socket.send_fds(control, [b"y"], [s.fileno()])
    s.close()
"""


class Connection(RawConnection):
    """One that somebody else has opened."""

    def __init__(self, opened, timeout):  # the base class starts an opener of its own: not called
        self.socket = opened
        self.socket.settimeout(timeout)
        self._buffer = b""

    def end_opener(self):
        pass


class Person:
    def __init__(self, user, path, timeout=20.0):
        self.user = user
        self.timeout = timeout
        self.client = Client(user, path, (installed_clis() or ["docker"])[0])
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._opener = subprocess.Popen(
                ["/usr/bin/python3", "-c", _OPENER, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd="/",
                user=user.uid,
                group=user.gid,
                extra_groups=[],
            )

    def connect(self, path=None):
        """To the socket under test, or to another."""
        path = str(path or self.client.socket)
        with self._lock:
            self._control.send(path.encode())
            _, fds, _, _ = socket.recv_fds(self._control, 1, 1)
        if not fds:
            raise ConnectionError(f"{self.user.name} could not connect to {path}")
        return Connection(socket.socket(fileno=fds[0]), self.timeout)

    def ask(self, method, target, body=None, headers=None):
        with self.connect() as connection:
            return connection.ask(method, target, body, headers)

    def close(self):
        self._control.close()
        self._opener.wait(10)


def by_uid(uid):
    """A login of this machine."""
    entry = pwd.getpwuid(int(uid))
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir).resolve())
