"""GPUs by CDI, on Docker 26: a container finds the slot of the moment at each start, and no start finds one that ds01d
did not allow. The GPUs are character devices made for the test."""

import json
import os
import signal
from pathlib import Path

import pytest
from lib.client import NEW_CLI
from lib.images import WITH_NODES
from lib.need import need
from lib.waiting import wait_until

STACK = {"engine26": True, "cdi": True, "nodes": 3}

pytestmark = pytest.mark.usefixtures("stack", "no_hold")

SLEEP = [WITH_NODES, "sleep", "600"]


@pytest.fixture
def no_hold(stack):
    """A stopped container of alice's gives its GPU back at once; bob's hold is the site's quarter of an hour."""
    file = stack.daemon.config / "user-overrides.yaml"
    before = file.read_text()
    file.write_text(before + f"{stack.alice.user.name}:\n  gpu_hold_after_stop_s: 0\n  max_gpu_equivalents: 2.0\n")
    reload_config(stack)
    yield
    stack.engine.remove_all()
    wait_until(lambda: not entries(stack), 15, "no CDI entry left")
    file.write_text(before)
    reload_config(stack)


def reload_config(stack):
    count = len([e for e in stack.daemon.events() if e["event_type"] == "config.change"])
    os.kill(stack.daemon.child.pid, signal.SIGHUP)
    wait_until(
        lambda: len([e for e in stack.daemon.events() if e["event_type"] == "config.change"]) > count,
        15,
        "the configuration to be read again",
    )


def entries(stack):
    """Lease → its CDI entry."""
    files = list(stack.engine.cdi_dir.glob("*.json"))
    return {file.stem.split("_")[1]: json.loads(file.read_text()) for file in files}


def opens(user, container, path):
    return user.docker("exec", container, "dd", f"if={path}", "of=/dev/null", "count=0", check=False).returncode == 0


def slot_of(stack, name):
    found = [uuid for uuid, gpu in stack.daemon.held().items() if gpu["container"] == name]
    return int(found[0][-2:]) if found else None


def expect_exactly(stack, user, name, index):
    for i, path in enumerate(stack.nodes.paths):
        assert opens(user, name, path) == (i == index), path
        assert opens(user, name, f"/made{i}") == (i == index), f"/made{i}"


def stop_and_park(stack, user, name):
    user.out("stop", "-t", "0", name)
    wait_until(lambda: slot_of(stack, name) is None, 20, f"the slot of {name} to be given back")


def start_past_us(stack, name):
    return stack.engine.api("POST", f"/containers/{name}/start", expect=None)


def test_Root_Docker26_a_container_has_the_node_of_its_slot_and_no_other(stack, alice, bob, each_cli):
    alice.with_cli(each_cli).out("run", "-d", "--name", "one", "--gpus", "1", *SLEEP)
    bob.with_cli(each_cli).out("run", "-d", "--name", "two", "--gpus", "1", *SLEEP)
    alice.with_cli(each_cli).out("run", "-d", "--name", "none", *SLEEP)
    assert slot_of(stack, "one") != slot_of(stack, "two")
    expect_exactly(stack, alice, "one", slot_of(stack, "one"))
    expect_exactly(stack, bob, "two", slot_of(stack, "two"))
    expect_exactly(stack, alice, "none", None)
    [request] = stack.engine.inspect("one")["HostConfig"]["DeviceRequests"]
    [device] = request["DeviceIDs"]
    assert device.removeprefix("ds01.io/lease=") in entries(stack)


def test_Root_Docker26_a_restart_takes_another_slot_when_its_own_is_taken(stack, alice, bob):
    alice.out("run", "-d", "--name", "one", "--gpus", "1", *SLEEP)
    first = slot_of(stack, "one")
    stop_and_park(stack, alice, "one")
    bob.out("run", "-d", "--name", "taker", "--gpus", f"device={first}", *SLEEP)
    assert slot_of(stack, "taker") == first
    alice.out("start", "one")
    second = slot_of(stack, "one")
    assert second is not None and second != first
    expect_exactly(stack, alice, "one", second)
    expect_exactly(stack, bob, "taker", first)
    seen = alice.out("exec", "one", "sh", "-c", "tr '\\0' '\\n' < /proc/1/environ").splitlines()
    assert f"NVIDIA_VISIBLE_DEVICES={stack.nodes.uuid(second)}" in seen


def test_Root_Docker26_nobody_starts_it_past_us(stack, alice, bob):
    alice.out("run", "-d", "--name", "one", "--gpus", "1", *SLEEP)
    first = slot_of(stack, "one")
    stop_and_park(stack, alice, "one")
    assert not entries(stack)
    reply = start_past_us(stack, "one")
    assert reply.status == 500 and "ds01.io/lease=" in reply.message()
    bob.out("run", "-d", "--name", "taker", "--gpus", f"device={first}", *SLEEP)
    assert start_past_us(stack, "one").status == 500
    assert not stack.engine.inspect("one")["State"]["Running"]
    assert slot_of(stack, "one") is None
    expect_exactly(stack, bob, "taker", first)


def test_Root_Docker26_within_the_hold_the_slot_stays_and_root_may_start_it(stack, bob):
    bob.out("run", "-d", "--name", "two", "--gpus", "1", *SLEEP)
    slot = slot_of(stack, "two")
    bob.out("stop", "-t", "0", "two")
    assert slot_of(stack, "two") == slot
    assert start_past_us(stack, "two").status == 204
    expect_exactly(stack, bob, "two", slot)
    bob.out("restart", "-t", "0", "two")
    expect_exactly(stack, bob, "two", slot)


def test_Root_Docker26_a_restart_is_within_the_quota_of_now(stack, alice):
    alice.out("run", "-d", "--name", "one", "--gpus", "1", *SLEEP)
    stop_and_park(stack, alice, "one")
    alice.out("run", "-d", "--name", "other", "--gpus", "2", *SLEEP)
    text = alice.refused("start", "one")
    assert "You hold" in text and "other" in text and "decision" in text
    assert slot_of(stack, "one") is None
    alice.out("rm", "-f", "other")
    alice.out("start", "one")
    expect_exactly(stack, alice, "one", slot_of(stack, "one"))


def test_Root_Docker26_a_start_waits_its_turn(stack, alice, bob):
    alice.out("run", "-d", "--name", "one", "--gpus", "1", *SLEEP)
    stop_and_park(stack, alice, "one")
    alice.out("run", "-d", "--name", "other", "--gpus", "1", *SLEEP)
    bob.out("run", "-d", "--name", "both", "--gpus", "2", *SLEEP)
    process = alice.start("start", "one")
    try:
        wait_until(lambda: [row["user"] for row in stack.daemon.status()["queue"]] == [alice.user.name], 20, "alice waits")
        assert not stack.engine.inspect("one")["State"]["Running"]
        bob.out("rm", "-f", "both")
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0, out + err
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    expect_exactly(stack, alice, "one", slot_of(stack, "one"))


def test_Root_Docker26_a_start_that_the_engine_refuses_gives_everything_back(stack, alice):
    alice.out("create", "--name", "bad", "--gpus", "1", WITH_NODES, "/no/such/program")
    alice.refused("start", "bad")
    alice.out("rm", "bad")
    wait_until(lambda: not entries(stack) and not stack.daemon.held(), 15, "everything to be given back")


def test_Root_Docker26_a_restart_policy_finds_the_slot_while_it_is_held(stack, bob):
    bob.out("run", "-d", "--name", "two", "--restart", "always", "--gpus", "1", *SLEEP)
    slot = slot_of(stack, "two")
    pid = stack.engine.inspect("two")["State"]["Pid"]
    os.kill(pid, signal.SIGKILL)

    def restarted():
        state = stack.engine.inspect("two")["State"]
        return state["Running"] and not state["Restarting"] and state["Pid"] not in (0, pid)

    wait_until(restarted, 20, "the policy to start the container")
    assert slot_of(stack, "two") == slot
    expect_exactly(stack, bob, "two", slot)


# dockerd 26.1.5 starts containers before it knows the driver for CDI ("could not select device driver"), so a policy
# starts none of them when dockerd itself is restarted; nor must it start one whose slot was given back.
def test_Root_Docker26_after_a_restart_of_dockerd_leases_are_as_before(stack, alice, bob):
    bob.out("run", "-d", "--name", "two", "--restart", "always", "--gpus", "1", *SLEEP)
    slot = slot_of(stack, "two")
    alice.out("run", "-d", "--name", "one", "--restart", "always", "--gpus", "1", *SLEEP)
    stop_and_park(stack, alice, "one")
    stack.engine.child.stop(timeout=60)
    stack.engine.start()
    wait_until(lambda: bob.docker("start", "two", check=False).returncode == 0, 20, "ds01d to serve again")
    assert slot_of(stack, "two") == slot
    expect_exactly(stack, bob, "two", slot)
    assert not stack.engine.inspect("one")["State"]["Running"]
    alice.out("start", "one")
    expect_exactly(stack, alice, "one", slot_of(stack, "one"))


def test_Root_Docker26_ds01d_killed_leaves_entries_and_leases_that_agree(stack, alice, bob):
    alice.out("run", "-d", "--name", "one", "--gpus", "1", *SLEEP)
    bob.out("run", "-d", "--name", "two", "--gpus", "1", *SLEEP)
    slot = slot_of(stack, "two")
    stack.daemon.kill()
    stack.engine.api("POST", "/containers/one/stop?t=0")
    for file in stack.engine.cdi_dir.glob("*.json"):
        file.unlink()
    (stack.engine.cdi_dir / "ds01.io-lease_L0000000000000000.json").write_text("{}")
    stack.daemon.start()
    wait_until(lambda: slot_of(stack, "one") is None, 20, "the hold of the stopped container to end")
    wait_until(lambda: len(entries(stack)) == 1, 15, "the entry that is nobody's to go")
    [entry] = entries(stack).values()
    assert entry["devices"][0]["annotations"]["ds01.io/uuids"] == stack.nodes.uuid(slot)
    bob.out("restart", "-t", "0", "two")
    expect_exactly(stack, bob, "two", slot)
    stack.daemon.kill()
    stack.daemon.start()
    alice.out("start", "one")
    expect_exactly(stack, alice, "one", slot_of(stack, "one"))


@pytest.mark.parametrize(
    "ways",
    [
        ["--device", "ds01.io/lease={}"],
        ["--gpus", "driver=cdi,device=ds01.io/lease={}"],
        ["--gpus", "device=ds01.io/lease={}"],
        ["--annotation", "cdi.k8s.io/x=ds01.io/lease={}"],
    ],
    ids=["device", "driver", "gpu", "annotation"],
)
def test_Root_Docker26_a_lease_of_another_is_no_device_for_anybody(stack, alice, bob, ways):
    need(Path(NEW_CLI).exists(), f"needs {NEW_CLI}, which knows CDI names and annotations")
    alice.out("run", "-d", "--name", "one", "--gpus", "1", *SLEEP)
    [lease] = entries(stack)
    argv = [word.format(lease) for word in ways]
    assert "ds01: " in bob.with_cli(NEW_CLI).refused("create", *argv, *SLEEP)


def test_Root_Docker26_an_engine_without_cdi_gets_no_gpu_to_give(stack, alice):
    directory = stack.daemon.base / "elsewhere"
    config = stack.daemon.config / "ds01d.yaml"
    before = config.read_text()
    config.write_text(before.replace(str(stack.engine.cdi_dir), str(directory)))
    stack.daemon.restart()
    try:
        text = alice.refused("create", "--gpus", "1", *SLEEP)
        assert "cdi-spec-dirs" in text and str(directory) in text
        alice.out("create", *SLEEP)
        assert "containers with a GPU are refused" in stack.daemon.stderr.read_text()
    finally:
        config.write_text(before)
        stack.daemon.restart()
