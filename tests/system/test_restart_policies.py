"""dockerd is restarted or crashes: restart policies start what held its GPU, and nothing whose GPU was given back. With
ds01d running all the time, started only afterwards, or not at all; no slot is used by two and no lease is lost."""

import pytest
from lib.holds import policy_shown, runs, set_hold, slot_of, stop_and_park
from lib.images import BUSYBOX
from lib.stack import visible_devices
from lib.waiting import wait_until

# Ends with an error when it is told to stop, so that on-failure has a reason.
WORK = [BUSYBOX, "sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done"]


@pytest.fixture(autouse=True)
def no_hold(stack):
    set_hold(stack, 0)
    yield
    if not stack.daemon.running():
        stack.daemon.start()
    stack.engine.remove_all()
    set_hold(stack, None)


def restart_dockerd(stack, how):
    if how == "crash":
        stack.engine.kill()
    else:
        stack.engine.child.stop(timeout=60)
    stack.engine.start()


def used_twice(stack):
    """Slots that two running containers have."""
    devices = [d for c in stack.engine.containers() if c["State"]["Running"] for d in visible_devices(c)]
    return {device for device in devices if devices.count(device) > 1}


@pytest.mark.parametrize("how", ["restart", "crash"])
@pytest.mark.parametrize("ds01d", ["all the time", "afterwards", "not at all"])
@pytest.mark.parametrize("policy", ["always", "unless-stopped", "on-failure"])
def test_Root_Docker_dockerd_restarts(stack, alice, bob, policy, ds01d, how):
    violations = len([e for e in stack.daemon.events() if e["event_type"] == "state.validation"])
    alice.out("run", "-d", "--name", "parked", "--restart", policy, "--gpus", "1", *WORK)
    given_back = slot_of(stack, "parked")
    stop_and_park(stack, alice, "parked")
    bob.out("run", "-d", "--name", "taker", "--restart", policy, "--gpus", f"device={given_back}", *WORK)
    alice.out("run", "-d", "--name", "held", "--restart", policy, "--gpus", "1", *WORK)
    alice.out("run", "-d", "--name", "plain", "--restart", policy, *WORK)
    slots = {name: slot_of(stack, name) for name in ("taker", "held")}
    assert slots["taker"] == given_back and slots["held"] not in (None, given_back)

    # A dockerd that ends stops its containers, and a hold of 0 would end with that.
    set_hold(stack, 900)
    if ds01d != "all the time":
        stack.daemon.stop()
    restart_dockerd(stack, how)
    # What outlived a dockerd that crashed the next one stops, as if its user had: such a one stays stopped.
    again = (policy, how) != ("unless-stopped", "crash")
    for name in ("taker", "held", "plain"):
        wait_until(lambda: runs(stack, name) == again, 30, f"{name} to run: {again}")  # noqa: B023
    assert not runs(stack, "parked")
    assert not used_twice(stack)
    if ds01d != "all the time":
        stack.daemon.start()
    wait_until(lambda: bob.docker("ps", check=False).returncode == 0, 20, "ds01d to serve")
    wait_until(lambda: {name: slot_of(stack, name) for name in slots} == slots, 20, "the leases as before")
    assert policy_shown(alice, "parked") == policy
    assert f"held: {given_back} by {bob.user.name}" in alice.refused("start", "parked")
    bob.out("rm", "-f", "taker")
    alice.out("start", "parked")
    assert slot_of(stack, "parked") == given_back
    assert not used_twice(stack)
    assert len([e for e in stack.daemon.events() if e["event_type"] == "state.validation"]) == violations
