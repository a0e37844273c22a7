"""Rules that are only watched: what they would refuse passes and is logged, class by class, and what is set is set."""

import json
import re

import pytest
from lib.images import BUSYBOX

SLEEP = [BUSYBOX, "sleep", "600"]


def enforce(stack, mode="full", **classes):
    """`access_control` of the site's file, written anew."""
    path = stack.daemon.config / "resource-limits.yaml"
    text = re.sub(r"enforcement_mode: \w+", f"enforcement_mode: {mode}", path.read_text())
    text = re.sub(r"\n  rules: \{.*\}", "", text)
    if classes:
        text = text.replace("\naccess_control:", f"\naccess_control:\n  rules: {json.dumps(classes)}", 1)
    path.write_text(text)
    stack.daemon.reload()


@pytest.fixture
def rollout(stack):
    yield lambda mode="full", **classes: enforce(stack, mode, **classes)
    enforce(stack)


def watched(stack, client):
    return [
        (e["details"]["rules"], e["details"]["reason"])
        for e in stack.daemon.events()
        if e["event_type"] == "auth.would_deny" and e["user"] == client.user.name
    ]


def test_Root_Docker_monitoring_lets_pass_and_says_what_it_would_have_refused(stack, alice, bob, rollout):
    alice.out("run", "-d", "--name", "hers", *SLEEP)
    bob.refused("stop", "-t", "0", "hers")
    rollout("monitoring")
    assert bob.out("run", "--rm", "--security-opt", "seccomp=unconfined", BUSYBOX, "echo", "in") == "in"
    assert "root:" in bob.out("run", "--rm", "-v", "/etc:/host:ro", BUSYBOX, "cat", "/host/shadow")
    bob.out("exec", "hers", "true")
    bob.out("stop", "-t", "0", "hers")
    bob.out("plugin", "ls")
    assert {rules for rules, _ in watched(stack, bob)} == {"host", "mounts", "ownership", "api"}
    assert ("host", "security_opt") in watched(stack, bob)
    rollout()
    bob.refused("run", "--rm", "--security-opt", "seccomp=unconfined", BUSYBOX, "true")
    bob.refused("start", "hers")


def test_Root_Docker_what_is_set_is_set_in_every_mode(stack, alice, rollout):
    rollout("monitoring")
    alice.out("run", "-d", "--name", "all", "--security-opt", "seccomp=unconfined", "--gpus", "1", "--cgroup-parent", "/system.slice", *SLEEP)
    made = stack.engine.api("GET", "/containers/all/json").json()
    assert made["Config"]["Labels"]["ds01.user"] == alice.user.name
    assert alice.user.name in made["HostConfig"]["CgroupParent"].replace("_", "-")
    assert made["HostConfig"]["SecurityOpt"] == ["seccomp=unconfined"]
    assert [slot["user"] for slot in stack.daemon.held().values()] == [alice.user.name]


def test_Root_Docker_over_quota_passes_and_no_gpu_is_given_twice(stack, alice, bob, rollout):
    total = len(stack.daemon.status()["gpus"])
    rollout(limits="monitoring")
    for number in range(total):
        client = (alice, bob)[number % 2]
        client.out("run", "-d", "--name", f"g{number}", "--gpus", "1", *SLEEP)
    held = stack.daemon.held()
    assert len(held) == total
    assert "limits" in {rules for rules, _ in watched(stack, alice)}
    stack.daemon.configure(queue={"wait_s": 1})
    stack.daemon.reload()
    try:
        assert "GPU" in alice.refused("run", "--gpus", "1", *SLEEP)
    finally:
        stack.daemon.configure(queue={"wait_s": 180})
        stack.daemon.reload()
    assert stack.daemon.held() == held


def test_Root_Docker_a_class_that_holds_is_not_got_round_by_one_that_does_not(stack, alice, bob, rollout):
    alice.out("run", "-d", "--name", "hers", *SLEEP)
    alice.out("volume", "create", "hers")
    rollout("monitoring", ownership="full", mounts="full")
    for attempt in (
        ["run", "--rm", "--security-opt", "seccomp=unconfined", "-v", "/etc:/x", BUSYBOX, "true"],
        ["run", "--rm", "--security-opt", "seccomp=unconfined", "--pid", "container:hers", BUSYBOX, "true"],
        ["run", "--rm", "--security-opt", "seccomp=unconfined", "--volumes-from", "hers", BUSYBOX, "true"],
        ["run", "--rm", "--security-opt", "seccomp=unconfined", "-v", "hers:/x", BUSYBOX, "true"],
        ["run", "--rm", "--security-opt", "seccomp=unconfined", "--network", "container:hers", BUSYBOX, "true"],
        ["exec", "--security-opt", "seccomp=unconfined", "hers", "true"],
        ["commit", "hers", "mine"],
    ):
        bob.refused(*attempt)
    assert stack.engine.api("GET", "/containers/hers/json").json()["State"]["Running"]


def test_Root_Docker_explain_tells_what_passed(stack, bob, rollout):
    rollout("monitoring")
    bob.out("run", "--rm", "--security-opt", "seccomp=unconfined", BUSYBOX, "true")
    event = next(e for e in stack.daemon.events() if e["event_type"] == "auth.would_deny" and e["user"] == bob.user.name)
    told = json.loads(stack.daemon.ds01("explain", event["details"]["decision"], "--json", client=bob).stdout)
    assert (told["outcome"], told["reason"]) == ("granted", "security_opt"), told
    assert "only watched here" in told["text"]
    assert "host" in stack.daemon.ds01("events", "--type", "auth.would_deny", client=bob).stdout


def test_Root_Docker_disabled_says_nothing(stack, alice, bob, rollout):
    alice.out("run", "-d", "--name", "hers", *SLEEP)
    before = watched(stack, bob)
    rollout("disabled")
    bob.out("stop", "-t", "0", "hers")
    assert bob.out("run", "--rm", "--security-opt", "seccomp=unconfined", BUSYBOX, "echo", "in") == "in"
    assert watched(stack, bob) == before


def test_Root_Docker_a_start_and_a_reload_say_what_does_not_hold(stack, rollout):
    rollout(host="monitoring")
    assert "the rules about host are only watched: what they would refuse passes" in stack.daemon.stderr.read_text()


def test_Root_Docker_a_folder_from_monitoring_does_not_start_again_in_full(stack, bob, rollout):
    rollout("monitoring")
    bob.out("create", "--name", "etc", "-v", "/etc:/host", *SLEEP)
    made = stack.engine.api("GET", "/containers/etc/json").json()
    assert made["Config"]["Labels"]["ds01.excused"] == "mounts"
    rollout()
    assert "remove it and make it anew" in bob.refused("start", "etc")
    stack.daemon.restart()
    assert "remove it and make it anew" in bob.refused("start", "etc")
