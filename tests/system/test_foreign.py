"""GPUs that somebody uses past ds01d are occupied while they are used: containers made on the Engine's own socket, by
every way there is to a GPU, privileged ones, and those from before ds01d came. A lease that is there already stays."""

import pytest
from lib.holds import events_about
from lib.images import BUSYBOX, WITH_ENV
from lib.waiting import wait_until

STACK = {"nvidia": True}

pytestmark = pytest.mark.usefixtures("this_test")

SLEEP = [BUSYBOX, "sleep", "600"]


@pytest.fixture
def this_test(stack):
    stack.events_before = len(stack.daemon.events())


def gpus(stack):
    return {gpu["slot"]: gpu for gpu in stack.daemon.status()["gpus"]}


def in_state(stack, state):
    return sorted(slot for slot, gpu in gpus(stack).items() if gpu["state"] == state)


def whole_slots(stack):
    return sorted(slot for slot, gpu in gpus(stack).items() if gpu["profile"] == "full")


def make(stack, name, image=BUSYBOX, start=True, labels=None, **host_config):
    """As root on the Engine's socket."""
    body = {"Image": image, "Cmd": ["sleep", "600"], "Labels": labels or {}, "HostConfig": host_config}
    stack.engine.api("POST", f"/containers/create?name={name}", body)
    if start:
        stack.engine.api("POST", f"/containers/{name}/start")


def becomes_foreign(stack, slots):
    wait_until(lambda: in_state(stack, "foreign") == sorted(slots), 10, f"{slots} to be foreign")


def requests(count=0, ids=None):
    return [{"Driver": "nvidia", "Count": count, "DeviceIDs": ids, "Capabilities": [["gpu"]], "Options": {}}]


def about(stack, name, event_type):
    return events_about(stack, name, event_type, stack.events_before)


def test_Root_Docker_a_gpu_that_root_took_is_not_given_away(stack, alice):
    slot = whole_slots(stack)[0]
    uuid = gpus(stack)[slot]["uuid"]
    make(stack, "roots", DeviceRequests=requests(ids=[uuid]))
    becomes_foreign(stack, [slot])
    shown = gpus(stack)[slot]
    assert shown["container"] == "roots" and shown["user"] is None and shown["since"]
    # Names of containers are their owners' and the admins' to see.
    assert [g for g in stack.daemon.status(client=alice)["gpus"] if g["slot"] == slot][0]["container"] is None
    text = alice.refused("run", "-d", "--gpus", f"device={slot}", *SLEEP)
    assert f"{slot} by a container outside of DS01 since" in text
    [event] = about(stack, "roots", "detection.unmanaged_container")
    assert event["slot"] == slot and event["gpu_uuid"] == uuid
    stack.engine.api("POST", "/containers/roots/stop?t=0")
    wait_until(lambda: not in_state(stack, "foreign"), 10, "the slot to be free again")
    assert about(stack, "roots", "detection.container_exited")
    alice.out("run", "-d", "--gpus", f"device={slot}", *SLEEP)


@pytest.mark.parametrize("way", ["count all", "count", "environment", "image"])
def test_Root_Docker_every_way_to_a_gpu_counts(stack, way):
    every = sorted(gpus(stack))
    whole = whole_slots(stack)[0]
    if way == "count all":
        make(stack, "roots", DeviceRequests=requests(count=-1))
    elif way == "count":
        make(stack, "roots", DeviceRequests=requests(count=1))
        every = sorted(slot for slot in every if slot.split(":")[0] == "0")
    elif way == "environment":
        body = {"Image": BUSYBOX, "Cmd": ["sleep", "600"], "Env": [f"NVIDIA_VISIBLE_DEVICES={whole}"]}
        stack.engine.api("POST", "/containers/create?name=roots", {**body, "HostConfig": {"Runtime": "nvidia"}})
        stack.engine.api("POST", "/containers/roots/start")
        every = [whole]
    else:
        make(stack, "roots", image=WITH_ENV, Runtime="nvidia")
    becomes_foreign(stack, every)
    stack.engine.api("DELETE", "/containers/roots?force=1")
    wait_until(lambda: not in_state(stack, "foreign"), 10, "all slots to be free again")


def test_Root_Docker_who_only_looks_takes_nothing(stack, alice):
    make(stack, "exporter", labels={"ds01.monitoring": "true"}, DeviceRequests=requests(count=-1))
    make(stack, "idle", start=False, DeviceRequests=requests(count=-1))
    make(stack, "plain")
    alice.out("run", "-d", "--name", "train", "--gpus", "1", *SLEEP)
    assert not in_state(stack, "foreign")
    # The label is not a user's to set.
    alice.out("run", "-d", "--name", "liar", "--label", "ds01.monitoring=true", *SLEEP)
    assert stack.engine.inspect("liar")["Config"]["Labels"].get("ds01.monitoring") != "true"


def test_Root_Docker_a_lease_that_is_taken_stays_and_it_is_reported(stack, alice):
    alice.out("run", "-d", "--name", "train", "--gpus", "1", *SLEEP)
    [uuid] = stack.daemon.held()
    slot = stack.daemon.held()[uuid]["slot"]
    make(stack, "roots", DeviceRequests=requests(ids=[uuid]))
    [event] = wait_until(lambda: about(stack, "roots", "state.validation"), 10, "the violation to be reported")
    assert f"{slot} ({alice.user.name})" in event["violation"]
    assert stack.daemon.held()[uuid]["state"] == "held" and stack.daemon.held()[uuid]["user"] == alice.user.name
    assert stack.engine.inspect("train")["State"]["Running"] and stack.engine.inspect("roots")["State"]["Running"]
    alice.out("rm", "-f", "train")
    becomes_foreign(stack, [slot])


@pytest.mark.parametrize("end", ["stop", "kill", "remove"])
def test_Root_Docker_containers_from_before_ds01d_came(stack, end):
    slot = whole_slots(stack)[0]
    uuid = gpus(stack)[slot]["uuid"]
    stack.daemon.stop()
    make(stack, "before", DeviceRequests=requests(ids=[uuid]))
    stack.daemon.start()
    becomes_foreign(stack, [slot])
    started = stack.engine.inspect("before")["State"]["StartedAt"]
    assert gpus(stack)[slot]["since"][:19] == started[:19]
    stack.daemon.kill()
    if end == "remove":
        stack.engine.api("DELETE", "/containers/before?force=1")
    else:
        stack.engine.api("POST", f"/containers/before/{end}")
    stack.daemon.start()
    assert not in_state(stack, "foreign")


def test_Root_Docker_one_that_its_policy_starts_again_keeps_its_slots_in_between(stack, alice):
    slot = whole_slots(stack)[0]
    uuid = gpus(stack)[slot]["uuid"]
    body = {"Image": BUSYBOX, "Cmd": ["false"]}
    policy = {"Name": "always", "MaximumRetryCount": 0}
    host = {"DeviceRequests": requests(ids=[uuid]), "RestartPolicy": policy}
    stack.engine.api("POST", "/containers/create?name=again", {**body, "HostConfig": host})
    stack.engine.api("POST", "/containers/again/start")
    becomes_foreign(stack, [slot])
    wait_until(lambda: stack.engine.inspect("again")["RestartCount"] >= 3, 30, "three attempts")
    assert in_state(stack, "foreign") == [slot]
    stack.engine.api("POST", "/containers/again/stop?t=0")
    wait_until(lambda: not in_state(stack, "foreign"), 20, "the slot to be free again")


def test_Root_Docker_after_a_restart_of_dockerd_it_is_found_again(stack):
    slot = whole_slots(stack)[0]
    uuid = gpus(stack)[slot]["uuid"]
    policy = {"Name": "always", "MaximumRetryCount": 0}
    make(stack, "roots", DeviceRequests=requests(ids=[uuid]), RestartPolicy=policy)
    becomes_foreign(stack, [slot])
    stack.engine.child.stop(timeout=60)
    stack.engine.start()
    wait_until(lambda: stack.engine.inspect("roots")["State"]["Running"], 20, "the policy to start it")
    becomes_foreign(stack, [slot])
