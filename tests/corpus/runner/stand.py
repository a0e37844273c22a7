"""An Engine of the corpus's own, and in front of it, one after the other, what is compared: nothing, HAProxy, ds01d."""

import contextlib
import dataclasses
import shutil
import subprocess
from pathlib import Path

from lib import images, process, unix_http
from lib.daemon import Daemon
from lib.engine import Engine, remove_empty_cgroups, unmount_below
from lib.users import User

from . import guarded
from .people import Person
from .run import run_all
from .things import Site

HAPROXY = Path(__file__).resolve().parents[1] / "haproxy.cfg"


ROOT = User("root", 0, 0, Path("/root"))


@contextlib.contextmanager
def site(engine, socket, users, directory, ours=None, has_policy=False):
    """People at `socket`, and what they have."""
    people = {}
    try:
        for role, user in {**users, "root": ROOT}.items():
            people[role] = Person(user, socket)
        yield Site(engine, people, images.BUSYBOX, Path(directory), ours, has_policy)
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

    def _run(self, attempts, socket, engine=None, **more):
        with site(engine or self.engine, socket, self.users, self.base, **more) as here:
            return run_all(attempts, here)

    def bare(self, attempts):
        """As if both were in the group docker."""
        self.engine.base.chmod(0o755)
        self.engine.socket.chmod(0o666)
        try:
            return self._run(attempts, self.engine.socket, has_policy=True)  # none: what there is of it lets all pass
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
        """Each where its class belongs; in the order given."""
        places = ((self._plain, False), (self._guarded, True))
        results = {}
        for place, guarded in places:
            chosen = [each for each in attempts if each.guarded == guarded]
            if chosen:
                results.update((each.attempt.id, each) for each in place(chosen))
        return [results[each.id] for each in attempts]

    def permitted(self, attempts):
        """Those at parts of ds01d's own, which no other Engine has, made by root, who may: they must get through."""
        chosen = [dataclasses.replace(each, who="root") for each in attempts if "ds01" in each.needs]
        return self.ours(chosen)

    @contextlib.contextmanager
    def _daemon(self, settings=None, watched=""):
        groups = {user.name: "student" for user in self.users.values()}
        daemon = Daemon(self.base / "d", self.engine.socket, groups, settings=settings)
        # Several attempts are made at a time; one of them goes beyond this number.
        limits = daemon.config / "resource-limits.yaml"
        text = limits.read_text().replace("max_containers_per_user: 3", "max_containers_per_user: 12")
        if watched:
            text = text.replace("\naccess_control:", f"\naccess_control:\n  rules: {{{watched}: monitoring}}", 1)
        limits.write_text(text)
        try:
            yield daemon
            daemon.stop()
        finally:
            if daemon.running():
                daemon.kill()
            remove_empty_cgroups("ds01.slice")
            unmount_below(daemon.base)
            shutil.rmtree(daemon.base, ignore_errors=True)

    def _plain(self, attempts):
        with self._daemon() as daemon:
            daemon.start()
            return self._run(attempts, daemon.socket, ours=guarded.Ours(daemon))

    def _guarded(self, attempts):
        """With a policy, the plugin, and one class of rules only watched."""
        opened = contextlib.ExitStack()
        with opened:
            server, settings = opened.enter_context(guarded.policy_server(self.base / "o"))
            opened.callback(shutil.rmtree, server.base, ignore_errors=True)
            daemon = opened.enter_context(self._daemon(settings, watched="limits"))
            plugin = opened.enter_context(guarded.plugin(self.engine, daemon))
            engine = guarded.TicketedEngine(self.engine.socket, plugin)
            ours = guarded.Ours(daemon, server, plugin)
            results = self._run(attempts, daemon.socket, engine, ours=ours, has_policy=True)
            unanswered = daemon.status()["counters"]["unanswered_policy"]
            assert not unanswered, f"the policy server did not answer {unanswered} times, so nothing was decided"
        return results
