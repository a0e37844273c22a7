"""The Engine crashes and comes back: users get a clear answer meanwhile, and afterwards everything is as it was,
without a restart of ds01d."""

import pytest
from lib.images import BUSYBOX
from lib.waiting import wait_until

STACK = {"live_restore": True}

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
