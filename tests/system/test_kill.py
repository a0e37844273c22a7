"""ds01d is killed again and again while two users create and remove containers: no slot is ever held twice, none is
lost, and containers do not notice.

The moments are of three kinds: delays spread over the time a create takes (the seed is fixed and told), and two steps
that can be seen from outside: the state file changes (the reservation is on disk, the Engine not yet asked) and the
Engine tells of the new container (it is made, the lease perhaps not yet bound)."""

import os
import random
import time

import pytest
from lib import unix_http
from lib.agreement import settled
from lib.images import BUSYBOX
from lib.stack import visible_devices
from lib.waiting import wait_until

SEED = int(os.environ.get("DS01_KILL_SEED", "20260123"))
CREATE_ROUNDS = int(os.environ.get("DS01_KILL_ROUNDS", "56"))
REMOVE_ROUNDS = 12
SLEEP = [BUSYBOX, "sleep", "3600"]

pytestmark = pytest.mark.usefixtures("stack")


def finish(processes):
    for process in processes:
        process.communicate(timeout=60)


def creates(stack):
    """Both users ask for a GPU at the same time."""
    return [client.start("run", "-d", "--gpus", "1", *SLEEP) for client in (stack.alice, stack.bob)]


def state_stamp(stack):
    try:
        stat = os.stat(stack.daemon.state / "gpu-state.json")
        return stat.st_ino, stat.st_mtime_ns, stat.st_size
    except FileNotFoundError:
        return None


def container_ids(stack):
    return {item["Id"] for item in stack.engine.api("GET", "/containers/json?all=1").json()}


def pause(seconds):
    """A moment and not a readiness: the time itself is what the round is about."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


class Moments:
    """When to kill, by round: a third spread delays, a third at the state file, a third at the container; each with a
    little random time behind."""

    def __init__(self, stack, window):
        self._stack = stack
        self._window = window
        self._random = random.Random(SEED)

    def wait(self, number, processes):
        stack = self._stack
        kind = ("delay", "state", "container")[number % 3]
        over = lambda: all(process.poll() is not None for process in processes)  # noqa: E731
        if kind == "delay":
            pause(self._random.uniform(0, self._window * 1.1))
        elif kind == "state":
            stamp = state_stamp(stack)
            wait_until(lambda: state_stamp(stack) != stamp or over(), 20, "the state file to change", 0.0005)
            pause(self._random.uniform(0, 0.01))
        else:
            known = container_ids(stack)
            wait_until(lambda: container_ids(stack) != known or over(), 20, "a new container", 0.0005)
            pause(self._random.uniform(0, 0.02))
        return kind


def life(stack, name):
    container = stack.engine.inspect(name)
    return container["State"]["Pid"], container["State"]["StartedAt"], container["State"]["Running"], visible_devices(container)


@pytest.fixture
def lasting(stack):
    """A container of each user that lives through all rounds."""
    for client, name in ((stack.alice, "alices-lasting"), (stack.bob, "bobs-lasting")):
        client.out("run", "-d", "--name", name, "--gpus", "1", *SLEEP)
    return {name: life(stack, name) for name in ("alices-lasting", "bobs-lasting")}


def remove_others(stack, lasting):
    def others():
        return [one["Id"] for one in stack.engine.containers() if one["Name"].lstrip("/") not in lasting]

    for identity in others():
        # 409: a removal that was on its way when ds01d was killed goes on in the Engine.
        stack.engine.api("DELETE", f"/containers/{identity}?force=1", expect=(204, 404, 409))
    wait_until(lambda: not others(), 20, "the other containers are gone")


def check_round(stack, lasting, what):
    settled(stack, what)
    assert {name: life(stack, name) for name in lasting} == lasting, what
    for user in (stack.alice, stack.bob):
        assert len(stack.containers_of(user.user)) <= 3, what


def test_Root_Docker_kill_9_around_creates(stack, lasting):
    begin = time.monotonic()
    finish(creates(stack))
    window = time.monotonic() - begin
    remove_others(stack, lasting)
    moments = Moments(stack, window)
    seen = {"made": 0, "not made": 0}
    for number in range(CREATE_ROUNDS):
        known = container_ids(stack)
        processes = creates(stack)
        kind = moments.wait(number, processes)
        stack.daemon.kill()
        finish(processes)
        stack.daemon.start()
        what = f"round {number}, killed at {kind} (seed {SEED})"
        check_round(stack, lasting, what)
        seen["made"] += len(container_ids(stack) - known)
        seen["not made"] += 2 - len(container_ids(stack) - known)
        remove_others(stack, lasting)
        settled(stack, f"after {what}, containers removed")
    # Else the moments were all too early or all too late to prove anything.
    assert min(seen.values()) > CREATE_ROUNDS // 5, seen


def test_Root_Docker_kill_9_around_removals(stack, lasting):
    chance = random.Random(SEED)
    for number in range(REMOVE_ROUNDS):
        finish(creates(stack))
        others = {
            client: [c["Id"] for c in stack.containers_of(client.user) if c["Name"].lstrip("/") not in lasting]
            for client in (stack.alice, stack.bob)
        }
        assert all(len(ids) == 1 for ids in others.values())
        processes = [client.start("rm", "-f", *ids) for client, ids in others.items()]
        pause(chance.uniform(0.02, 0.4))
        stack.daemon.kill()
        finish(processes)
        stack.daemon.start()
        check_round(stack, lasting, f"removal round {number} (seed {SEED})")
        remove_others(stack, lasting)


def test_Root_Docker_kill_9_is_survived_at_once(stack, alice):
    """A restart is short: the socket answers again within a second (a sanitizer build is slower than what is installed)."""
    alice.out("run", "-d", "--name", "train", "--gpus", "1", *SLEEP)
    held = stack.daemon.held()
    begin = time.monotonic()
    stack.daemon.kill()
    stack.daemon.start()
    assert unix_http.exchange(stack.daemon.socket, "GET", "/_ping").status == 200
    assert time.monotonic() - begin < 3
    assert stack.daemon.held() == held
