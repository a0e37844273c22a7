"""Who holds what: `ds01` as root and as each user, and the log of decisions."""

import json
import re
import subprocess

import pytest
from lib.images import BUSYBOX
from lib.stack import visible_devices
from lib.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stack")

SLEEP = [BUSYBOX, "sleep", "600"]


@pytest.fixture
def busy(stack, alice, bob):
    """alice holds one slot, bob two whole GPUs, and bob has a container without."""
    alice.out("run", "-d", "--name", "alices-train", "--gpus", "1", *SLEEP)
    bob.out("run", "-d", "--name", "bobs-big", "--gpus", "2", *SLEEP)
    bob.out("run", "-d", "--name", "bobs-plain", *SLEEP)
    return {name: stack.engine.inspect(name) for name in ("alices-train", "bobs-big", "bobs-plain")}


def test_Root_Docker_status_of_an_idle_machine(stack):
    status = stack.daemon.status()
    assert [gpu["slot"] for gpu in status["gpus"]] == ["0", "1:0", "1:1", "1:2", "2:0", "2:1", "3"]
    assert {gpu["state"] for gpu in status["gpus"]} == {"free"}
    assert status["queue"] == []
    second = status["gpus"][1]
    assert (second["profile"], second["gpueq"], second["user"]) == ("2g.20gb", 0.285714, None)
    assert (second["since"], second["container"], second["model"]) == (None, None, "NVIDIA A100-SXM4-80GB")


def test_Root_Docker_status_agrees_with_the_containers(stack, busy):
    status = stack.daemon.status()
    by_uuid = {gpu["uuid"]: gpu for gpu in status["gpus"]}
    held = {}
    for name, container in busy.items():
        for device in visible_devices(container):
            gpu = by_uuid[device]
            assert gpu["state"] == "held"
            assert gpu["user"] == container["Config"]["Labels"]["ds01.user"]
            assert gpu["container"] == name
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", gpu["since"])
            held[device] = name
    assert len(held) == 3
    assert {gpu["uuid"] for gpu in status["gpus"] if gpu["state"] != "free"} == set(held)


def test_Root_Docker_status_counts_users(stack, alice, bob, busy):
    users = {user["user"]: user for user in stack.daemon.status()["users"]}
    assert users[bob.user.name]["gpueq"] == 2
    assert users[bob.user.name]["limit"] == 2
    assert users[bob.user.name]["containers"] == 2
    assert users[bob.user.name]["group"] == "student"
    assert users[alice.user.name]["containers"] == 1
    assert users[alice.user.name]["gpueq"] in (0.428571, 0.285714)


def test_Root_Docker_users_see_who_holds_but_not_the_others_containers(stack, alice, bob, busy):
    status = stack.daemon.status(client=alice)
    gpus = [gpu for gpu in status["gpus"] if gpu["state"] == "held"]
    assert sorted(gpu["user"] for gpu in gpus) == sorted([alice.user.name, bob.user.name, bob.user.name])
    assert [gpu["container"] for gpu in gpus if gpu["user"] == alice.user.name] == ["alices-train"]
    text = json.dumps(status)
    assert "bobs-big" not in text
    assert busy["bobs-big"]["Id"][:12] not in text


def test_Root_Docker_who_tells_everybody_who_holds_which_gpu(stack, alice, bob, busy):
    for client in (alice, bob, None):
        text = stack.daemon.ds01("who", client=client).stdout
        assert alice.user.name in text
        assert bob.user.name in text
        assert re.search(r"\b0\b.*|\b3\b.*", text)
    assert "bobs-big" not in stack.daemon.ds01("who", client=alice).stdout
    json.loads(stack.daemon.ds01("who", "--json", client=alice).stdout)


def test_Root_Docker_ps_lists_ones_own_and_all_for_root(stack, alice, bob, busy):
    alices = stack.daemon.ds01("ps", client=alice).stdout
    assert "alices-train" in alices
    assert "bobs" not in alices
    bobs = stack.daemon.ds01("ps", client=bob).stdout
    assert "bobs-big" in bobs and "bobs-plain" in bobs and "alices-train" not in bobs
    everybody = stack.daemon.ds01("ps").stdout
    assert all(name in everybody for name in busy)
    data = stack.daemon.ds01("ps", "--json", client=alice).stdout
    json.loads(data)
    assert "bobs" not in data


def test_Root_Docker_gpus_lists_every_slot(stack, alice, busy):
    text = stack.daemon.ds01("gpus", client=alice).stdout
    for slot in ("0", "1:0", "1:1", "1:2", "2:0", "2:1", "3"):
        assert re.search(rf"(^|\s){slot}(\s|$)", text, re.M), text
    json.loads(stack.daemon.ds01("gpus", "--json").stdout)


def test_Root_Docker_verbs_that_do_not_exist_are_a_usage_error(stack):
    done = stack.daemon.ds01("frobnicate", check=False)
    assert done.returncode == 2
    assert done.stdout == ""


def test_Root_Docker_without_a_daemon_ds01_says_so(stack, workdir):
    done = subprocess.run(
        [stack.daemon.program(), "--run-dir", workdir, "status"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode in (1, 75)
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_Root_Docker_events_tell_each_decision(stack, alice):
    before = len(stack.daemon.events())
    alice.out("run", "-d", "--name", "train", "--gpus", "1", *SLEEP)
    refusal = alice.refused("create", "--privileged", BUSYBOX)
    quota = alice.refused("create", "--gpus", "3", BUSYBOX)
    alice.out("rm", "-f", "train")

    def complete():
        kinds = {event["event_type"] for event in stack.daemon.events()[before:]}
        return {"container.create", "gpu.allocate", "gpu.release", "gpu.reject", "auth.denied"} <= kinds

    wait_until(complete, 10, f"events {[e['event_type'] for e in stack.daemon.events()[before:]]}")
    events = stack.daemon.events()[before:]
    for event in events:
        assert event["schema_version"] == "1"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", event["timestamp"])
    mine = [event for event in events if event.get("user") == alice.user.name]
    for text in (refusal, quota):
        decision = re.search(r"\(decision (D[0-9a-f]{12})\)", text)[1]
        assert [e for e in mine if decision in json.dumps(e)], f"no event with {decision}: {mine}"
    created = next(e for e in mine if e["event_type"] == "container.create")
    assert created["details"]["container"] == "train"
    assert BUSYBOX.split(":", maxsplit=1)[0] in created["details"]["image"]
    assert created["details"]["gpu"].startswith("MIG-")


def test_Root_Docker_events_and_state_are_not_for_everybody(stack, alice, busy):
    for path in (stack.daemon.logs / "events.jsonl", stack.daemon.state / "gpu-state.json"):
        assert path.exists()
        assert alice.run(["cat", path], check=False).returncode != 0
        assert path.stat().st_mode & 0o027 == 0, oct(path.stat().st_mode)
