"""A stopped container keeps its GPU for the hold and gets the same one at its next start; meanwhile nobody starts it,
neither the Engine by its restart policy nor root past ds01d. GPUs are simulated, so the slot stands in the container."""

import json

import pytest
from lib import holds
from lib.holds import past_us, policy, policy_shown, runs, set_hold, slot_of, state_of, stop_and_park
from lib.images import BUSYBOX
from lib.waiting import wait_until

SLEEP = [BUSYBOX, "sleep", "600"]


@pytest.fixture(autouse=True)
def no_hold(stack):
    set_hold(stack, 0)
    stack.events_before = len(stack.daemon.events())
    yield
    stack.engine.remove_all()
    set_hold(stack, None)


def events_about(stack, name, event_type):
    return holds.events_about(stack, name, event_type, stack.events_before)


def parked(stack, user, name, *options):
    """A container that has given its slot back, and that slot."""
    user.out("run", "-d", "--name", name, "--gpus", "1", *options, *SLEEP)
    slot = slot_of(stack, name)
    stop_and_park(stack, user, name)
    assert state_of(stack, slot) == "free"
    return slot


def test_Root_Docker_the_next_start_gets_the_same_slot(stack, alice, bob, each_cli):
    slot = parked(stack, alice.with_cli(each_cli), "one")
    bob.out("run", "-d", "--name", "two", "--gpus", "1", *SLEEP)
    if slot_of(stack, "two") == slot:
        text = alice.with_cli(each_cli).refused("start", "one")
        assert f"held: {slot} by {bob.user.name} since" in text and "docker rm one" in text and "decision" in text
        bob.out("rm", "-f", "two")
    alice.with_cli(each_cli).out("start", "one")
    assert slot_of(stack, "one") == slot
    assert events_about(stack, "one", "gpu.release")[-1]["reason"] == "hold_ended"
    assert len(events_about(stack, "one", "gpu.allocate")) == 2


def test_Root_Docker_a_request_that_hangs_keeps_nobody_elses_slot(stack, alice, bob):
    """Whoever reads no further has the Engine keep his container locked, and his next request about it waits for that.
    Other people's holds end all the same."""
    set_hold(stack, 900)
    stuck = bob.out("run", "-d", "--name", "stuck", "--gpus", "1", *SLEEP)
    bob.out("stop", "-t", "0", "stuck")
    with bob.raw() as reading, bob.raw() as waiting:
        reading.request("GET", f"/containers/{stuck}/archive?path=/bin")
        assert reading.socket.recv(8) == b"HTTP/1.1"
        waiting.request("POST", f"/containers/{stuck}/update", {"RestartPolicy": {"Name": "always"}})
        set_hold(stack, 0)
        parked(stack, alice, "one")
        parked(stack, alice, "two")
        assert slot_of(stack, "stuck") is not None
        reading.close()
        assert waiting.reply().status == 200
    wait_until(lambda: slot_of(stack, "stuck") is None, 60, "the slot of stuck to be given back")
    assert policy(stack, "stuck") == "no" and policy_shown(bob, "stuck") == "always"


def test_Root_Docker_a_slot_that_another_took_is_named_in_the_refusal(stack, alice, bob):
    slot = parked(stack, alice, "one", "--restart", "always")
    bob.out("run", "-d", "--name", "taker", "--gpus", f"device={slot}", *SLEEP)
    text = alice.refused("start", "one")
    assert f"held: {slot} by {bob.user.name} since" in text
    assert "written into this container" in text and "docker rm one" in text
    assert alice.docker("restart", "one", check=False).returncode != 0
    assert not runs(stack, "one") and slot_of(stack, "taker") == slot
    assert policy(stack, "one") == "no" and policy_shown(alice, "one") == "always"


@pytest.mark.parametrize("wanted", ["always", "unless-stopped", "on-failure:3"])
def test_Root_Docker_the_restart_policy_is_off_while_parked_and_shown_as_wanted(stack, alice, wanted):
    name, _, retries = wanted.partition(":")
    parked(stack, alice, "one", "--restart", wanted)
    assert policy(stack, "one") == "no"
    shown = json.loads(alice.out("inspect", "one"))[0]["HostConfig"]["RestartPolicy"]
    assert shown == {"Name": name, "MaximumRetryCount": int(retries or 0)}
    stack.daemon.kill()
    stack.daemon.start()
    assert policy_shown(alice, "one") == name
    alice.out("start", "one")
    in_force = stack.engine.inspect("one")["HostConfig"]["RestartPolicy"]
    assert in_force == {"Name": name, "MaximumRetryCount": int(retries or 0)}


def test_Root_Docker_an_update_of_a_parked_container_changes_what_is_wanted(stack, alice):
    parked(stack, alice, "one")
    alice.out("update", "--restart", "always", "one")
    assert policy(stack, "one") == "no" and policy_shown(alice, "one") == "always"
    alice.out("update", "--restart", "unless-stopped", "--memory", "128m", "one")
    assert stack.engine.inspect("one")["HostConfig"]["Memory"] == 128 * 1024 * 1024
    assert policy(stack, "one") == "no" and policy_shown(alice, "one") == "unless-stopped"
    # As root on the Engine's own socket.
    stack.engine.api("POST", "/containers/one/update", {"RestartPolicy": {"Name": "always"}})
    wait_until(lambda: policy(stack, "one") == "no", 10, "the policy to be switched off again")
    assert policy_shown(alice, "one") == "always"
    alice.out("start", "one")
    assert policy(stack, "one") == "always"
    alice.out("update", "--restart", "no", "one")
    assert policy(stack, "one") == "no"


def test_Root_Docker_start_of_what_runs_and_restarts_keep_the_slot(stack, alice):
    alice.out("run", "-d", "--name", "one", "--restart", "always", "--gpus", "1", *SLEEP)
    slot = slot_of(stack, "one")
    pid = stack.engine.inspect("one")["State"]["Pid"]
    alice.out("start", "one")
    assert stack.engine.inspect("one")["State"]["Pid"] == pid
    for _ in range(3):
        alice.out("restart", "-t", "0", "one")
        assert runs(stack, "one") and slot_of(stack, "one") == slot
    assert policy(stack, "one") == "always"
    alice.out("kill", "one")
    wait_until(lambda: slot_of(stack, "one") is None, 20, "the slot to be given back")
    alice.out("restart", "-t", "0", "one")
    assert slot_of(stack, "one") == slot


def test_Root_Docker_a_start_that_the_engine_refuses_gives_the_slot_back(stack, alice):
    alice.out("create", "--name", "bad", "--restart", "always", "--gpus", "1", BUSYBOX, "/no/such/program")
    alice.refused("start", "bad")
    alice.out("rm", "-f", "bad")
    assert not stack.daemon.held()


def test_Root_Docker_containers_that_remove_themselves_leave_nothing(stack, alice):
    alice.out("run", "--rm", "--gpus", "1", BUSYBOX, "true")
    alice.out("run", "-d", "--rm", "--name", "one", "--gpus", "1", *SLEEP)
    alice.out("stop", "-t", "0", "one")
    wait_until(lambda: not stack.daemon.held() and not stack.engine.containers(), 15, "nothing to be left")


def test_Root_Docker_a_start_past_us_is_stopped_at_once(stack, alice, bob):
    slot = parked(stack, alice, "one", "--restart", "always")
    bob.out("run", "-d", "--name", "taker", "--gpus", f"device={slot}", *SLEEP)
    pid = stack.engine.inspect("taker")["State"]["Pid"]
    past_us(stack, "one")
    wait_until(lambda: events_about(stack, "one", "state.validation"), 10, "the start to be seen")
    wait_until(lambda: not runs(stack, "one"), 10, "the container to be stopped")
    assert policy(stack, "one") == "no" and policy_shown(alice, "one") == "always"
    [event] = events_about(stack, "one", "state.validation")
    assert event["action"] == "stopped"
    assert events_about(stack, "one", "container.stop")
    assert stack.engine.inspect("taker")["State"]["Pid"] == pid and slot_of(stack, "taker") == slot


def test_Root_Docker_a_start_past_us_while_ds01d_was_away_is_stopped(stack, alice, bob):
    slot = parked(stack, alice, "one")
    bob.out("run", "-d", "--name", "taker", "--gpus", f"device={slot}", *SLEEP)
    stack.daemon.kill()
    past_us(stack, "one")
    assert runs(stack, "one")
    stack.daemon.start()
    wait_until(lambda: not runs(stack, "one"), 10, "the container to be stopped")
    assert runs(stack, "taker") and slot_of(stack, "taker") == slot


def test_Root_Docker_within_the_hold_the_slot_stays_and_anybody_may_start_it(stack, alice):
    set_hold(stack, 900)
    alice.out("run", "-d", "--name", "one", "--restart", "always", "--gpus", "1", *SLEEP)
    slot = slot_of(stack, "one")
    alice.out("stop", "-t", "0", "one")
    assert slot_of(stack, "one") == slot and policy(stack, "one") == "always"
    past_us(stack, "one")
    assert runs(stack, "one") and slot_of(stack, "one") == slot
    assert not events_about(stack, "one", "state.validation")


def test_Root_Docker_a_container_that_fails_again_and_again_keeps_its_slot(stack, alice):
    alice.out("run", "-d", "--name", "one", "--restart", "always", "--gpus", "1", BUSYBOX, "false")
    slot = wait_until(lambda: slot_of(stack, "one"), 10, "its slot")
    wait_until(lambda: stack.engine.inspect("one")["RestartCount"] >= 4, 30, "four attempts of its policy")
    assert slot_of(stack, "one") == slot and policy(stack, "one") == "always"
    alice.out("stop", "-t", "0", "one")
    wait_until(lambda: slot_of(stack, "one") is None, 30, "the slot to be given back")
    assert policy(stack, "one") == "no" and policy_shown(alice, "one") == "always"


def test_Root_Docker_a_lost_state_file_gives_no_slot_to_two(stack, alice, bob):
    slot = parked(stack, alice, "one")
    bob.out("run", "-d", "--name", "taker", "--gpus", f"device={slot}", *SLEEP)
    stack.daemon.stop()
    (stack.daemon.state / "gpu-state.json").unlink()
    stack.daemon.start()
    assert slot_of(stack, "taker") == slot and runs(stack, "taker")
    assert f"held: {slot} by {bob.user.name}" in alice.refused("start", "one")
    bob.out("rm", "-f", "taker")
    alice.out("start", "one")
    assert slot_of(stack, "one") == slot


def test_Root_Docker_behind_our_back(stack, alice, bob):
    """Stopped, killed, removed and renamed on the Engine's own socket, with ds01d there and without it."""
    for away in (False, True):
        for name in ("stopped", "killed", "removed", "renamed"):
            alice.out("run", "-d", "--name", name, "--gpus", "1", *SLEEP)
        slots = {name: slot_of(stack, name) for name in ("stopped", "killed", "removed", "renamed")}
        assert len(set(slots.values())) == 4 and None not in slots.values()
        if away:
            stack.daemon.kill()
        past_us(stack, "stopped", "stop?t=0")
        past_us(stack, "killed", "kill")
        stack.engine.api("DELETE", "/containers/removed?force=1")
        past_us(stack, "renamed", "rename?name=another")
        if away:
            stack.daemon.start()
        wait_until(lambda: slot_of(stack, "another") == slots["renamed"], 10, "the new name")
        for name in ("stopped", "killed", "removed"):
            wait_until(lambda: state_of(stack, slots[name]) == "free", 20, f"the slot of {name} to be free")  # noqa: B023
        assert alice.out("ps", "-a", "--format", "{{.Names}}").split().count("removed") == 0
        alice.out("start", "stopped", "killed")
        assert slot_of(stack, "stopped") == slots["stopped"] and slot_of(stack, "killed") == slots["killed"]
        stack.engine.remove_all()
        wait_until(lambda: not stack.daemon.held(), 15, "all slots free")


def test_Root_Docker_a_parked_container_that_was_removed_while_ds01d_was_away_is_forgotten(stack, alice):
    parked(stack, alice, "one")
    stack.daemon.stop()
    stack.engine.api("DELETE", "/containers/one")
    stack.daemon.start()
    state = stack.daemon.state / "gpu-state.json"
    wait_until(lambda: not json.loads(state.read_text())["leases"], 10, "its lease to be gone")


def test_Root_Docker_SIGHUP_compares_with_the_engine(stack, alice):
    alice.out("run", "-d", "--name", "one", "--gpus", "1", *SLEEP)
    stack.daemon.reload(expected="compared with the Docker Engine: 1 containers of ours, 1 leases")
