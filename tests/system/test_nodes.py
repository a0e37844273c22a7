"""The `nvidia` emitter with device files: the container's own configuration names those of its slot, so that nothing
takes them away later. The GPUs are character devices made for the test."""

import pytest
from lib.images import WITH_NODES

STACK = {"nvidia": True, "nodes": 3}

pytestmark = pytest.mark.usefixtures("stack")

SLEEP = [WITH_NODES, "sleep", "600"]


def opens(user, container, path):
    return user.docker("exec", container, "dd", f"if={path}", "of=/dev/null", "count=0", check=False).returncode == 0


def slot_of(stack, name):
    [uuid] = [uuid for uuid, gpu in stack.daemon.held().items() if gpu["container"] == name]
    return int(uuid[-2:])


def expect_exactly(stack, user, name, index):
    """The node of one slot is there and opens; no other is there, nor opens where somebody has made one."""
    for i, path in enumerate(stack.nodes.paths):
        assert opens(user, name, path) == (i == index), path
        assert opens(user, name, f"/made{i}") == (i == index), f"/made{i}"


def test_Root_Docker_a_container_has_the_node_of_its_slot_and_no_other(stack, alice, bob):
    alice.out("run", "-d", "--name", "one", "--gpus", "1", *SLEEP)
    bob.out("run", "-d", "--name", "two", "--gpus", "1", *SLEEP)
    alice.out("run", "-d", "--name", "none", *SLEEP)
    assert slot_of(stack, "one") != slot_of(stack, "two")
    expect_exactly(stack, alice, "one", slot_of(stack, "one"))
    expect_exactly(stack, bob, "two", slot_of(stack, "two"))
    expect_exactly(stack, alice, "none", None)


def test_Root_Docker_the_node_is_in_the_configuration_without_mknod(stack, alice):
    alice.out("run", "-d", "--name", "one", "--gpus", "1", *SLEEP)
    path = stack.nodes.paths[slot_of(stack, "one")]
    devices = stack.engine.inspect("one")["HostConfig"]["Devices"]
    assert devices[0] == {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rw"}
    assert all(device["CgroupPermissions"] == "rw" for device in devices)


# Each update makes the runtime write the device list of the cgroup anew, as a reload of systemd does.
def test_Root_Docker_an_update_takes_nothing_away(stack, alice):
    alice.out("run", "-d", "--name", "one", "--gpus", "1", *SLEEP)
    index = slot_of(stack, "one")
    alice.out("update", "--restart", "unless-stopped", "one")
    stack.engine.api("POST", "/containers/one/update", {"CpuShares": 512, "Memory": 256 << 20, "MemorySwap": 256 << 20})
    expect_exactly(stack, alice, "one", index)
    alice.out("restart", "-t", "0", "one")
    expect_exactly(stack, alice, "one", index)
