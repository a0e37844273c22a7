"""The corpus against an Engine of its own. What is not taken from here comes from tests/system/lib."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]

from lib import hosts, process, users  # noqa: E402
from lib.client import installed_clis  # noqa: E402
from lib.daemon import bin_dir  # noqa: E402
from lib.engine import unmount_below  # noqa: E402
from lib.need import need, need_program  # noqa: E402
from runner import data  # noqa: E402
from runner.stand import Stand  # noqa: E402


def selected(session):
    """The attempts that tests are to be run of, so that `-k` runs no others; all, if no test is of a single one."""
    chosen = {}
    for item in session.items:
        attempt = getattr(item, "callspec", None) and item.callspec.params.get("attempt")
        if attempt:
            chosen[attempt.id] = attempt
    return list(chosen.values()) or data.load()[0]


class Runs:
    """What came of the attempts, by where they were made; each place is visited once, when somebody asks."""

    def __init__(self, stand, attempts):
        self._stand, self._attempts, self._results = stand, attempts, {}

    def at(self, name):
        if name not in self._results:
            results = getattr(self._stand, name)(self._attempts)
            self._results[name] = {each.attempt.id: each for each in results}
        return self._results[name]

    def versions(self):
        return self._stand.versions()


@pytest.fixture(scope="session")
def runs(request):
    need(os.geteuid() == 0, "needs root, to start a dockerd and to act as two users")
    for program in ("dockerd", "containerd", "runc", "busybox", "haproxy", "setpriv", "unshare", "useradd", "gcc"):
        need_program(program)
    need(installed_clis(), "needs a docker command line client")
    for program in ("ds01d", "ds01", "ds01-authz"):
        need((bin_dir() / program).exists(), f"needs {program}, which is not in {bin_dir()} (DS01_BIN_DIR)")
    need(hosts.has_opa(), "needs OPA, which `sudo tools/dev setup` makes")
    process.become_subreaper()
    users.remove_leftovers()
    base = Path(tempfile.mkdtemp(prefix=f"ds01-{os.getpid()}-", dir="/tmp"))
    base.chmod(0o755)
    made = {}
    try:
        for role in ("alice", "bob"):
            made[role] = users.create(role)
        with Stand(base / "s", made) as stand:
            yield Runs(stand, selected(request.session))
    finally:
        for user in made.values():
            users.remove(user.name)
        process.reap_orphans()
        unmount_below(base)
        shutil.rmtree(base, ignore_errors=True)
