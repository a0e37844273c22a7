"""The Engine crashes and comes back, or falls silent and goes on: users get a clear answer meanwhile, and afterwards
everything is as it was, without a restart of ds01d."""

import threading
import time

import pytest
from lib.images import BUSYBOX
from lib.unix_http import RawConnection
from lib.waiting import wait_until

STACK = {"live_restore": True}
LIMIT = 30  # of a question of ds01d's own, in seconds

pytestmark = pytest.mark.usefixtures("stack")


def works_again(stack, client):
    """ds01d finds the Engine by itself."""
    wait_until(lambda: client.docker("ps", "-q", check=False).returncode == 0, 20, "docker ps to work again", 0.05)
    wait_until(
        lambda: client.docker("create", "--name", "probe", BUSYBOX, check=False).returncode == 0,
        20,
        "docker create to work again",
        0.1,
    )
    client.out("rm", "probe")


def test_Root_Docker_engine_crash_is_told_and_survived(stack, alice, bob):
    alice.out("run", "-d", "--name", "train", "--gpus", "1", BUSYBOX, "sleep", "600")
    bob.out("run", "-d", "--name", "big", "--gpus", "2", BUSYBOX, "sleep", "600")
    held = stack.daemon.held()
    pids = {name: stack.engine.inspect(name)["State"]["Pid"] for name in ("train", "big")}
    daemon = stack.daemon.child.pid

    stack.engine.kill()
    with alice.raw() as raw:
        listed = raw.ask("GET", "/containers/json")
        created = raw.ask("POST", "/containers/create", {"Image": BUSYBOX})
    for reply in (listed, created):
        assert reply.status == 503, (reply.status, reply.message())
        assert reply.message().startswith("ds01: ")
        assert "engine" in reply.message().lower() or "dockerd" in reply.message().lower()
    assert "ds01: " in alice.refused("run", "--rm", "--gpus", "1", BUSYBOX, "true")
    # What is known without the Engine is still told.
    assert stack.daemon.held() == held

    stack.engine.start()
    works_again(stack, alice)
    assert stack.daemon.child.pid == daemon and stack.daemon.running()
    assert stack.daemon.held() == held
    assert {name: stack.engine.inspect(name)["State"]["Pid"] for name in pids} == pids
    alice.out("rm", "-f", "train")
    assert {gpu["user"] for gpu in stack.daemon.held().values()} == {bob.user.name}


class Asked:
    """Requests of a user, each on a connection and a thread of its own: how they were answered, and after how long."""

    def __init__(self, client, requests):
        self._client = client
        self.replies = {}
        self._threads = [threading.Thread(target=self._ask, args=request) for request in requests]
        for thread in self._threads:
            thread.start()

    def _ask(self, method, target, body=None):
        begun = time.monotonic()
        with RawConnection(self._client.user, self._client.socket, timeout=3 * LIMIT) as raw:
            reply = raw.ask(method, target, body)
        self.replies[f"{method} {target}"] = reply, time.monotonic() - begun

    def all(self):
        for thread in self._threads:
            thread.join(4 * LIMIT)
        assert len(self.replies) == len(self._threads), self.replies
        return self.replies


def test_Root_Docker_an_engine_that_falls_silent_hangs_nobody(stack, alice, bob):
    """What ds01d asks by itself ends; what users ask goes on when the Engine does; and nothing is taken for gone."""
    alice.out("run", "-d", "--name", "train", "--gpus", "1", BUSYBOX, "sh", "-c", "echo begun; sleep 600")
    bob.out("run", "-d", "--name", "big", "--gpus", "2", BUSYBOX, "sleep", "600")
    held = stack.daemon.held()
    with alice.follow("logs", "-f", "train") as follower:
        assert follower.line() == "begun"
        with stack.engine.silent():
            ours = Asked(alice, [
                ("POST", "/containers/create", {"Image": BUSYBOX, "HostConfig": {"DeviceRequests": [{"Count": 1, "Capabilities": [["gpu"]]}]}}),
                ("POST", "/containers/train/start"),
                ("POST", "/containers/train/exec", {"Cmd": ["true"]}),
                ("DELETE", "/containers/train?force=1"),
                ("GET", "/containers/train/json"),
                ("GET", "/volumes/data"),
                ("POST", "/volumes/prune"),
            ])  # fmt: skip
            theirs = Asked(alice, [("GET", "/containers/json"), ("GET", "/_ping")])
            for request, (reply, seconds) in ours.all().items():
                assert reply.status == 503, (request, reply.message())
                assert "ds01: the Docker Engine does not answer" in reply.message(), request
                assert seconds < LIMIT + 10, (request, seconds)
            assert not theirs.replies
            assert stack.daemon.held() == held
        assert {reply.status for reply, _ in theirs.all().values()} == {200}
        works_again(stack, alice)
        assert stack.daemon.held() == held
        assert stack.engine.inspect("train")["State"]["Running"] and len(stack.engine.containers()) == 2
        alice.out("rm", "-f", "train")
        assert follower.rest() == []
    assert {gpu["user"] for gpu in stack.daemon.held().values()} == {bob.user.name}


def test_Root_Docker_ds01d_starts_while_the_engine_is_silent(stack, alice):
    alice.out("run", "-d", "--name", "train", "--gpus", "1", BUSYBOX, "sleep", "600")
    held = stack.daemon.held()
    stack.daemon.kill()
    with stack.engine.silent():
        stack.daemon.start(timeout=LIMIT + 10)
        assert set(stack.daemon.held()) == set(held)
        with alice.raw() as raw:
            refused = raw.ask("POST", "/containers/create", {"Image": BUSYBOX})
        assert refused.status == 503, refused.message()
    works_again(stack, alice)
    assert set(stack.daemon.held()) == set(held)


def test_Root_Docker_a_container_removed_while_nobody_watched_gives_its_slot_back(stack, alice):
    alice.out("run", "-d", "--name", "train", "--gpus", "1", BUSYBOX, "sleep", "600")
    stack.daemon.kill()
    stack.engine.api("DELETE", "/containers/train?force=1")
    stack.daemon.start()
    wait_until(lambda: not stack.daemon.held(), 10, "the slot to be free")


def test_Root_Docker_state_that_is_lost_is_taken_back_from_the_containers(stack, alice):
    alice.out("run", "-d", "--name", "train", "--gpus", "1", BUSYBOX, "sleep", "600")
    held = set(stack.daemon.held())
    stack.daemon.stop()
    (stack.daemon.state / "gpu-state.json").unlink()
    stack.daemon.start()
    wait_until(lambda: set(stack.daemon.held()) == held, 10, "the lease to be taken back")
    assert [gpu["user"] for gpu in stack.daemon.held().values()] == [alice.user.name]


def test_Root_Docker_ds01d_starts_before_the_engine_does(stack, alice):
    stack.daemon.stop()
    stack.engine.kill()
    stack.daemon.start()
    with alice.raw() as raw:
        assert raw.ask("POST", "/containers/create", {"Image": BUSYBOX}).status == 503
    stack.engine.start()
    works_again(stack, alice)


def test_Root_Docker_stop_of_ds01d_ends_streams_and_leaves_containers(stack, alice):
    alice.out("run", "-d", "--name", "talker", BUSYBOX, "sh", "-c", "echo begun; sleep 600")
    before = stack.engine.inspect("talker")["State"]
    with alice.follow("logs", "-f", "talker") as follower:
        assert follower.line() == "begun"
        stack.daemon.stop()
        follower.rest()
    assert stack.engine.inspect("talker")["State"] == before
    stack.daemon.start()
    assert alice.out("logs", "talker") == "begun"
