"""The docker SDK for Python, 5 and 7: what sdk_work.py does gives the same answers through ds01d as on the bare Engine."""

import json
from pathlib import Path

import pytest
from lib import hosts
from lib.differential import compare
from lib.need import need

pytestmark = pytest.mark.usefixtures("stack")

WORK = Path(__file__).with_name("sdk_work.py").read_text()


@pytest.fixture(params=["5", "7"])
def python(request, alice):
    """An interpreter with docker-py of that version."""
    path = "/usr/bin/python3" if request.param == "5" else str(hosts.docker_py_python())
    told = alice.run([path, "-"], stdin=WORK, check=False)
    need(told.returncode == 0, "needs python3-docker, which `sudo tools/dev setup` installs")
    need(told.stdout.startswith(request.param) or request.param == "5", f"needs docker-py {request.param}")
    return path


def steps(client, python, piece):
    done = client.run([python, "-", piece], stdin=WORK, check=False, timeout=120)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"{piece} ended after {lines[-1:]}:\n{done.stderr[-3000:]}"
    return lines


@pytest.mark.parametrize("piece", ["containers", "inside", "streams", "networks_and_volumes", "images", "low_level"])
def test_Root_Docker_the_sdk_sees_what_it_sees_on_the_bare_engine(stack, python, piece):
    def work(seen):
        for step, value in steps(seen.client, python, piece):
            seen.note(step, value)

    bare, _ = compare(stack, work)
    assert len(bare) > 5


def test_Root_Docker_a_device_request_is_leased(stack, alice, python):
    said = dict(steps(alice, python, "gpu"))
    [visible] = said["visible"]
    assert visible.startswith(("GPU-", "MIG-"))
    assert said["type"] == "api"
    kind, status, text = said["too many"]
    assert (kind, status) == ("APIError", 403) or (kind, status) == ("APIError", 409)
    assert text.startswith("ds01: ")
    [held] = stack.daemon.held().values()
    assert (held["user"], held["container"]) == (alice.user.name, "train")
