"""An Engine of the corpus's own, and in front of it, one after the other, what is compared: nothing, HAProxy, ds01d."""

import contextlib
import shutil
import subprocess
from pathlib import Path

from lib import images, process, unix_http
from lib.daemon import Daemon
from lib.engine import Engine, remove_empty_cgroups, unmount_below

from .people import Person
from .run import run_all
from .things import Site

HAPROXY = Path(__file__).resolve().parents[1] / "haproxy.cfg"


class AnyEngine(Engine):
    """A dockerd that somebody else has started: asked, never stopped."""

    def __init__(self, socket):  # the base class makes directories: not called
        self.socket = Path(socket)


@contextlib.contextmanager
def site(engine, socket, users, directory):
    """People at `socket`, and what they have."""
    people = {}
    try:
        for role, user in users.items():
            people[role] = Person(user, socket)
        yield Site(engine, people, images.BUSYBOX, Path(directory))
    finally:
        for person in people.values():
            person.close()


class Stand:
    """`users`: alice and bob. Below `base`, which must be short and may be entered by everybody."""

    def __init__(self, base, users, engine=Engine):
        self.base, self.users = Path(base), users
        self.base.mkdir()
        self.base.chmod(0o755)
        self.engine = engine(self.base / "e", nvidia=True)

    def __enter__(self):
        try:
            self.engine.start()
            images.load_all(self.engine, images.busybox_tar())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.engine.stop()
        unmount_below(self.base)
        shutil.rmtree(self.base, ignore_errors=True)

    def versions(self):
        shown = self.engine.api("GET", "/version").json()
        haproxy = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=True).stdout.split()[2]
        return f"Engine {shown['Version']}, HAProxy {haproxy.split('-')[0]}"

    def _run(self, attempts, socket):
        with site(self.engine, socket, self.users, self.base) as here:
            return run_all(attempts, here)

    def bare(self, attempts):
        """As if both were in the group docker."""
        self.engine.base.chmod(0o755)
        self.engine.socket.chmod(0o666)
        try:
            return self._run(attempts, self.engine.socket)
        finally:
            self.engine.socket.chmod(0o600)
            self.engine.base.chmod(0o700)

    def haproxy(self, attempts):
        folder = self.base / "h"
        folder.mkdir()
        folder.chmod(0o755)
        socket, config = folder / "h.sock", folder / "haproxy.cfg"
        config.write_text(HAPROXY.read_text().format(listen=socket, engine=self.engine.socket))
        child = process.Child(["haproxy", "-db", "-f", config], folder / "haproxy.log")
        try:
            child.wait_ready(lambda: unix_http.is_listening(socket), 20, "haproxy")
            return self._run(attempts, socket)
        finally:
            child.kill()
            shutil.rmtree(folder)

    def ours(self, attempts):
        groups = {user.name: "student" for user in self.users.values()}
        daemon = Daemon(self.base / "d", self.engine.socket, groups)
        # Several attempts are made at a time; one of them goes beyond this number.
        limits = daemon.config / "resource-limits.yaml"
        limits.write_text(limits.read_text().replace("max_containers_per_user: 3", "max_containers_per_user: 12"))
        try:
            daemon.start()
            results = self._run(attempts, daemon.socket)
            daemon.stop()
            return results
        finally:
            if daemon.running():
                daemon.kill()
            remove_empty_cgroups("ds01.slice")
            unmount_below(daemon.base)
            shutil.rmtree(daemon.base, ignore_errors=True)
