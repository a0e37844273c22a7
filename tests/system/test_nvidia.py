"""With the `nvidia` emitter: what the NVIDIA runtime hook would be asked for, for each container and each start. The
hook here is a stub in dockerd's PATH that records what it sees in the container's OCI bundle."""

import pytest
from lib import compose, hosts
from lib.images import BUSYBOX, WITH_ENV

STACK = {"nvidia": True}

pytestmark = pytest.mark.usefixtures("stack")

SLEEP = [BUSYBOX, "sleep", "600"]


def asked_for(stack, name):
    """The devices the hook saw at each start of the container. The variable may stand there twice (from the container's
    configuration and from dockerd), and hooks differ in which copy they take: all must say the same."""
    identity = stack.engine.inspect(name)["Id"]
    starts = [set(record["visible"]) for record in stack.engine.hook_records() if record["id"] == identity]
    assert all(len(values) == 1 for values in starts), starts
    return [sorted(values.pop().split(",")) for values in starts]


def held_by(stack, name):
    return sorted(uuid for uuid, gpu in stack.daemon.held().items() if gpu["container"] == name)


def test_Root_Docker_the_hook_gets_exactly_the_leased_slots(stack, alice, bob, each_cli):
    alice.with_cli(each_cli).out("run", "-d", "--name", "small", "--gpus", "1", *SLEEP)
    bob.with_cli(each_cli).out("run", "-d", "--name", "big", "--gpus", "2", *SLEEP)
    for name, count in (("small", 1), ("big", 2)):
        assert asked_for(stack, name) == [held_by(stack, name)]
        assert len(held_by(stack, name)) == count
    assert not set(held_by(stack, "small")) & set(held_by(stack, "big"))


def test_Root_Docker_the_request_names_devices_and_no_count(stack, alice):
    alice.out("run", "-d", "--name", "train", "--gpus", "1", *SLEEP)
    [request] = stack.engine.inspect("train")["HostConfig"]["DeviceRequests"]
    assert request["Count"] == 0
    assert request["DeviceIDs"] == held_by(stack, "train")
    assert "gpu" in request["Capabilities"][0]


def test_Root_Docker_capabilities_asked_for_are_kept(stack, alice):
    alice.out("run", "-d", "--name", "train", "--gpus", '"capabilities=compute,utility","count=1"', *SLEEP)
    [request] = stack.engine.inspect("train")["HostConfig"]["DeviceRequests"]
    assert {"compute", "utility", "gpu"} <= set(request["Capabilities"][0])


def test_Root_Docker_a_restart_keeps_the_slots(stack, alice, bob):
    alice.out("run", "-d", "--name", "train", "--gpus", "1", *SLEEP)
    bob.out("run", "-d", "--name", "other", "--gpus", "1", *SLEEP)
    alice.out("restart", "-t", "0", "train")
    alice.out("stop", "-t", "0", "train")
    alice.out("start", "train")
    assert asked_for(stack, "train") == [held_by(stack, "train")] * 3


def test_Root_Docker_gpus_all_is_never_all(stack, alice):
    alice.out("run", "-d", "--name", "greedy", "--gpus", "all", *SLEEP)
    assert asked_for(stack, "greedy") == [held_by(stack, "greedy")]


@pytest.mark.parametrize(
    "argv",
    [
        ["-e", "NVIDIA_VISIBLE_DEVICES=all", BUSYBOX],
        ["-e", "nvidia_visible_devices=all", BUSYBOX],
        ["-e", "NVIDIA_VISIBLE_DEVICES=GPU-00000000-0000-4000-8000-000000000000", WITH_ENV],
        [WITH_ENV],
    ],
    ids=["flag", "case", "uuid", "image"],
)
def test_Root_Docker_variables_without_a_request_never_reach_the_hook(stack, alice, argv):
    before = len(stack.engine.hook_records())
    alice.out("run", "-d", "--name", "plain", *argv, "sleep", "600")
    assert len(stack.engine.hook_records()) == before
    assert not stack.daemon.held()
    seen = alice.out("exec", "plain", "sh", "-c", "tr '\\0' '\\n' < /proc/1/environ").splitlines()
    given = {line for line in seen if line.upper().startswith("NVIDIA_VISIBLE_DEVICES")}
    # A copy that an image brings in another spelling can only be emptied, not removed.
    assert given - {"nvidia_visible_devices="} == {"NVIDIA_VISIBLE_DEVICES=void"}


def test_Root_Docker_variables_with_a_request_change_nothing(stack, alice):
    alice.out(
        "run", "-d", "--name", "train", "--gpus", "1",
        "-e", "NVIDIA_VISIBLE_DEVICES=all", "-e", "NVIDIA_MIG_MONITOR_DEVICES=all", WITH_ENV, "sleep", "600",
    )  # fmt: skip
    assert asked_for(stack, "train") == [held_by(stack, "train")]


def test_Root_Docker_the_nvidia_runtime_is_refused(stack, alice):
    before = len(stack.engine.hook_records())
    assert "ds01: " in alice.refused("run", "--rm", "--runtime", "nvidia", "-e", "NVIDIA_VISIBLE_DEVICES=all", BUSYBOX, "true")
    assert len(stack.engine.hook_records()) == before


@pytest.mark.parametrize("version", compose.VERSIONS)
@pytest.mark.parametrize("wanted", ["count: 1", "count: all", 'device_ids: ["1:0"]'], ids=["count", "all", "slot"])
def test_Root_Docker_a_reservation_of_compose_reaches_the_hook_as_the_lease(stack, alice, version, wanted):
    project = compose.Project(alice, version)
    project.write(
        f"version: '3.8'\nservices: {{train: {{image: {BUSYBOX}, command: sleep 600, deploy: {{resources: {{reservations: "
        f"{{devices: [{{driver: nvidia, {wanted}, capabilities: [gpu]}}]}}}}}}}}}}\n"
    )
    project("up", "-d")
    [name] = [container["Name"].removeprefix("/") for container in stack.containers_of(alice.user)]
    assert asked_for(stack, name) == [held_by(stack, name)]
    assert len(held_by(stack, name)) == 1
    project("down", "-t", "0")


SDK = """
import docker
from docker.types import DeviceRequest
request = DeviceRequest(driver="nvidia", count=2, capabilities=[["gpu", "compute"]])
docker.from_env().containers.run("%s", ["sleep", "600"], name="train", detach=True, device_requests=[request])
"""


@pytest.mark.parametrize("version", ["5", "7"])
def test_Root_Docker_a_request_of_the_sdk_reaches_the_hook_as_the_lease(stack, alice, version):
    python = "/usr/bin/python3" if version == "5" else hosts.docker_py_python()
    alice.run([python, "-"], stdin=SDK % BUSYBOX)
    assert asked_for(stack, "train") == [held_by(stack, "train")]
    assert len(held_by(stack, "train")) == 2
