"""A user at the command line: the docker CLI as that user, with and without a terminal, and raw connections."""

import os
import pty
import re
import select
import subprocess
import termios
import time
from pathlib import Path

from .unix_http import RawConnection

OLD_CLI = "/usr/bin/docker"
NEW_CLI = "/usr/local/bin/docker"


def installed_clis():
    return [cli for cli in (OLD_CLI, NEW_CLI) if Path(cli).exists()]


def cli_major(cli):
    text = subprocess.run([cli, "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"version (\d+)", text)[1])


class Follower:
    """A program that goes on telling: its output line by line, none waited for without end."""

    def __init__(self, process):
        self.process = process
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.stdout.close()
        self.process.wait()

    def line(self, timeout=20.0):
        """The next line without its end; None when there are no more."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"no line within {timeout:g} s; begun: {self._buffer!r}")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                return None
            self._buffer += piece
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.decode(errors="replace")

    def rest(self, timeout=20.0):
        """The lines up to the end."""
        lines = []
        while (line := self.line(timeout)) is not None:
            lines.append(line)
        return lines


class Terminal:
    """A program on a pseudo terminal; `size` in lines and columns."""

    def __init__(self, popen, size=None):
        master, slave = pty.openpty()
        if size is not None:
            termios.tcsetwinsize(slave, size)
        self.process = popen(stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self._master = master
        self.seen = b""

    def type(self, text):
        os.write(self._master, text.encode())

    def read_until(self, expected, timeout=20.0):
        """Reads on until `expected` (bytes; b"" = the end) is seen."""
        deadline = time.monotonic() + timeout
        while not expected or expected not in self.seen:
            if not select.select([self._master], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"terminal: no {expected!r} within {timeout:g} s; seen {self.seen!r}")
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # EIO: the other side has closed
                piece = b""
            if not piece:
                if expected:
                    raise AssertionError(f"terminal: ended without {expected!r}; seen {self.seen!r}")
                break
            self.seen += piece
        return self.seen

    def wait(self, timeout=20.0):
        self.read_until(b"", timeout)
        status = self.process.wait(timeout)
        os.close(self._master)
        return status


class Client:
    def __init__(self, user, socket, cli, env=None):
        self.user = user
        self.socket = socket
        self.cli = cli
        self.env = env or {}

    def with_cli(self, cli):
        return Client(self.user, self.socket, cli, self.env)

    def with_env(self, env):
        return Client(self.user, self.socket, self.cli, {**self.env, **env})

    def _keywords(self, extra_env):
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.user.home),
            "USER": self.user.name,
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "DOCKER_HOST": f"unix://{self.socket}",
            **self.env,
            **(extra_env or {}),
        }
        return {
            "env": env,
            "cwd": self.user.home,
            "user": self.user.uid,
            "group": self.user.gid,
            "extra_groups": [],
        }

    def run(self, argv, check=True, stdin=None, timeout=60.0, env=None):
        """Any program as this user. `stdin` is text; without it there is none."""
        feed = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        done = subprocess.run(
            [str(a) for a in argv],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            **feed,
            **self._keywords(env),
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"as {self.user.name}: {' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def docker(self, *args, **keywords):
        return self.run([self.cli, *args], **keywords)

    def out(self, *args, **keywords):
        return self.docker(*args, **keywords).stdout.strip()

    def spawn(self, argv, env=None, **popen):
        """Any program without waiting for it; output is collected."""
        keywords = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        keywords.update(popen)
        return subprocess.Popen([str(a) for a in argv], **keywords, **self._keywords(env))

    def start(self, *args, env=None, **popen):
        """The CLI without waiting for it."""
        return self.spawn([self.cli, *args], env, **popen)

    def follow(self, *args):
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return Follower(subprocess.Popen([self.cli, *args], **streams, **self._keywords(None)))

    def terminal(self, *args, size=None):
        return Terminal(lambda **streams: subprocess.Popen([self.cli, *args], **streams, **self._keywords(None)), size)

    def refused(self, *args, timeout=60.0, **keywords):
        """The text of a refusal; a command that works is a failure of the test."""
        done = self.docker(*args, check=False, timeout=timeout, **keywords)
        assert done.returncode != 0, f"was not refused: docker {' '.join(args)}\n{done.stdout}{done.stderr}"
        return done.stderr + done.stdout

    def raw(self, timeout=15.0):
        return RawConnection(self.user, self.socket, timeout)
