"""Builds by a client of one's own (build_session.py), at the bare Engine and through ds01d, and what they change."""

import contextlib
import itertools
import os
import stat
from pathlib import Path

from .build_session import Session, regular, solve
from .images import BUSYBOX
from .unix_http import RawConnection
from .users import User

ROOT = User("root", 0, 0, Path("/root"))
NUMBERS = itertools.count(1)
OURS = "ds01: these files cannot be a build's context"
OF_THE_HOST = "what everybody runs"


def dockerfile(*steps):
    """With a line of its own, so that nothing comes from what an earlier build left in the cache."""
    lines = [f"FROM {BUSYBOX}", *(steps or ["COPY . /ctx"]), f"LABEL build={next(NUMBERS)}"]
    return [regular("Dockerfile", "\n".join(lines) + "\n", mtime=1_700_000_000_000_000_000 + next(NUMBERS))]


def build(connect, context, recipe=None, image=None, timeout=60, options=None, exporter="", **session_options):
    """The end of a build from these files, and the session that sent them."""
    folders = {"context": context, "dockerfile": recipe or dockerfile()}
    with Session(connect, folders, **session_options) as session:
        return solve(connect, session, options, image, timeout, exporter), session


def at(engine):
    return lambda: RawConnection(ROOT, engine.socket, timeout=60)


def as_user(client):
    return lambda: client.raw(timeout=60)


def content_of(client, image, path):
    return client.out("run", "--rm", image, "cat", path)


class Host:
    """A folder of the host that is nobody's business, and what shows of the Engine's own folders."""

    def __init__(self, engine, base):
        self.engine = engine
        self.folder = base / f"host{next(NUMBERS)}"
        (self.folder / "diff").mkdir(parents=True)
        self.program = self.folder / "program"
        self.program.write_text(OF_THE_HOST)
        self.program.chmod(0o755)
        self._before, self._odd = self._state(), self._odd_layers()

    def _state(self):
        shown = {}
        for path in [self.folder, *self.folder.rglob("*")]:
            status = os.lstat(path)
            content = path.read_bytes() if stat.S_ISREG(status.st_mode) else None
            names = os.listxattr(path, follow_symlinks=False)
            shown[str(path)] = status.st_mode, status.st_uid, status.st_nlink, sorted(names), content
        return shown

    def _odd_layers(self):
        """Not the Engine's own, which are folders that nobody else writes to."""
        odd = set()
        for path in (self.engine.base / "data/overlay2").iterdir():
            with contextlib.suppress(FileNotFoundError):  # BuildKit tidies up meanwhile
                mode = os.lstat(path).st_mode
                if not stat.S_ISDIR(mode) or mode & 0o002:
                    odd.add(str(path))
        return odd

    def changed(self):
        now, before = self._state(), self._before
        changed = {key for key in now.keys() | before.keys() if now.get(key) != before.get(key)}
        return sorted(changed | (self._odd_layers() - self._odd))
