"""Fixtures of the system tests. One Engine and one ds01d per test module, and fresh slots for every test."""

import itertools
import os
import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lib import images, process, users  # noqa: E402
from lib.client import installed_clis  # noqa: E402
from lib.daemon import SITE, bin_dir  # noqa: E402
from lib.engine import unmount_below  # noqa: E402
from lib.need import need, need_program  # noqa: E402
from lib.stack import Stack  # noqa: E402

SPARES = itertools.count(1)


# Started in the background of a shell, a program inherits that Ctrl-C is ignored, and so would the clients under test.
signal.signal(signal.SIGINT, signal.default_int_handler)


def remove_leftovers():
    """Directories of runs that were killed."""
    for path in Path("/tmp").glob("ds01-*-*"):
        match = re.fullmatch(r"ds01-(\d+)-\w+", path.name)
        if match and not Path("/proc", match[1]).exists():
            unmount_below(path)
            shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def root_and_docker():
    need(os.geteuid() == 0, "needs root, to start a dockerd and to act as two users")
    for program in ("dockerd", "containerd", "runc", "busybox", "setpriv", "unshare", "nsenter", "ip", "useradd"):
        need_program(program)
    need(installed_clis(), "needs a docker command line client")


@pytest.fixture(scope="session")
def programs():
    for name in ("ds01d", "ds01"):
        need((bin_dir() / name).exists(), f"needs {name}, which is not in {bin_dir()} (DS01_BIN_DIR)")


@pytest.fixture(scope="session")
def workdir(root_and_docker):
    """Short, since a socket's path has at most 107 bytes, and open to the users' programs on the way to their socket."""
    process.become_subreaper()
    remove_leftovers()
    path = Path(tempfile.mkdtemp(prefix=f"ds01-{os.getpid()}-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    process.reap_orphans()
    unmount_below(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def two_users(root_and_docker):
    users.remove_leftovers()
    made = {}
    try:
        for role in ("alice", "bob"):
            made[role] = users.create(role)
        yield made
    finally:
        for user in made.values():
            users.remove(user.name)


@pytest.fixture(scope="session")
def busybox_tar(root_and_docker):
    return images.busybox_tar()


@pytest.fixture(scope="module")
def module_stack(request, workdir, two_users, busybox_tar, programs):
    """A module may say what it needs in STACK, e.g. STACK = {"nvidia": True, "engine26": True}."""
    assert SITE.is_dir(), f"{SITE} is missing"
    name = request.module.__name__.removeprefix("test_")[:12]
    stack = Stack(workdir / name, busybox_tar, two_users, **getattr(request.module, "STACK", {}))
    yield stack
    stack.stop()


@pytest.fixture
def stack(module_stack):
    yield module_stack
    module_stack.clean()


@pytest.fixture
def spare(stack, busybox_tar):
    """An Engine that does not live long."""
    engine = type(stack.engine)(stack.base / f"x{next(SPARES)}")
    engine.start()
    try:
        images.load_all(engine, busybox_tar)
        yield engine
    finally:
        engine.child.kill()
        engine.stop()


@pytest.fixture
def alice(stack):
    return stack.alice


@pytest.fixture
def bob(stack):
    return stack.bob


@pytest.fixture(params=installed_clis(), ids=lambda cli: cli.replace("/", "_").strip("_"))
def each_cli(request):
    """Every docker client that is installed."""
    return request.param
