"""`ds01 explain`: why something was refused or granted, told to whom it concerns, also after a restart; and what would
come of a command, without its coming."""

import json
import re
import shutil
import subprocess

import pytest
from lib.images import BUSYBOX
from lib.unix_http import exchange

pytestmark = pytest.mark.usefixtures("stack")

SLEEP = [BUSYBOX, "sleep", "600"]
TRY_LATER = 75


def decision_in(text):
    return re.search(r"\(decision (D[0-9a-f]{12})\)", text)[1]


def over_quota(client):
    """A refused create; returns the decision's id."""
    client.out("run", "-d", "--name", "both", "--gpus", "2", *SLEEP)
    return decision_in(client.refused("create", "--name", "third", "--gpus", "1", *SLEEP))


def explain(stack, subject, client=None, check=True):
    return stack.daemon.ds01("explain", subject, "--json", client=client, check=check)


def facts(explanation):
    return {fact["name"]: fact["value"] for fact in explanation["facts"]}


def fingerprint(stack):
    """All that a dry run must leave alone."""
    lists = [
        stack.engine.api("GET", path).json() for path in ("/containers/json?all=1", "/images/json", "/networks", "/volumes")
    ]
    for container in lists[0]:
        del container["Status"]  # "Up 3 seconds"
    for items in lists[:3]:
        items.sort(key=lambda item: item["Id"])  # the Engine keeps no order among images of one second
    state = stack.daemon.state / "gpu-state.json"
    return json.dumps([lists, stack.daemon.status()["gpus"]], sort_keys=True), (
        state.read_bytes() if state.exists() else b""
    )


def dry_run(stack, client, *command):
    return stack.daemon.ds01("explain", "--dry-run", "--json", "--", *command, client=client, check=False)


def test_Root_Docker_a_refusal_is_explained_to_its_user_and_to_admins_alone(stack, alice, bob):
    decision = over_quota(alice)
    for client in (alice, None):
        told = json.loads(explain(stack, decision, client).stdout)
        assert (told["outcome"], told["reason"], told["user"]) == ("refused", "gpu_quota", alice.user.name)
        assert "docker rm -f both" in told["remedy"]
        known = facts(told)
        assert known["image"] == BUSYBOX
        assert known["group"] == "student"
        assert known["GPUs asked for"] == "--gpus 1"
        assert known["container type"] == "docker"
        assert known["limit"].startswith("2 (")
        assert "both" in known["you hold"]
        assert known["free slots"] == "5 of 7"
    other = explain(stack, decision, bob, check=False)
    nothing = explain(stack, "D000000000000", bob, check=False)
    assert other.returncode == nothing.returncode == 1
    assert other.stderr.replace(decision, "D000000000000") == nothing.stderr
    text = stack.daemon.ds01("explain", decision, client=alice).stdout
    assert text.startswith(f"Refused {decision}, ")
    assert "What would work: Remove both (docker rm -f both)" in text


def test_Root_Docker_decisions_outlive_the_daemon(stack, alice):
    refused = over_quota(alice)
    granted = json.loads(stack.daemon.ds01("explain", "both", "--json", client=alice).stdout)
    granted_decision = facts(granted)["decision"]
    for end in (stack.daemon.kill, stack.daemon.stop):
        # kill -9 loses at most what is not yet written.
        stack.daemon.ds01("events", "--limit", "1")
        end()
        stack.daemon.start()
        assert json.loads(explain(stack, refused, alice).stdout)["reason"] == "gpu_quota"
        told = json.loads(explain(stack, granted_decision, alice).stdout)
        assert told["outcome"] == "granted"
        assert facts(told)["slots"] == "0 (full), 3 (full)"


def test_Root_Docker_rotated_logs_are_searched(stack, alice):
    decision = over_quota(alice)
    stack.daemon.stop()
    log = stack.daemon.logs / "events.jsonl"
    shutil.copy(log, stack.daemon.logs / "events.jsonl-20261124")  # as copytruncate does
    log.write_text("")
    stack.daemon.start()
    try:
        assert json.loads(explain(stack, decision, alice).stdout)["reason"] == "gpu_quota"
    finally:
        (stack.daemon.logs / "events.jsonl-20261124").unlink()


def test_Root_Docker_a_refusal_by_a_rule_names_it(stack, alice):
    decision = decision_in(alice.refused("create", "--privileged", *SLEEP))
    told = json.loads(explain(stack, decision, alice).stdout)
    assert told["outcome"] == "refused"
    assert told["reason"] == "privileged"
    assert facts(told)["request"] == "POST /containers/create"


def test_Root_Docker_a_container_is_explained_to_its_owner(stack, alice, bob):
    alice.out("run", "-d", "--name", "train", "--gpus", "1", "-m", "64m", *SLEEP)
    for client in (alice, None):
        known = facts(json.loads(explain(stack, "train", client).stdout))
        assert known["owner"].startswith(f"{alice.user.name}, proven by the cgroup parent ")
        assert known["memory"].startswith("64 MiB (limit ")
        assert re.match(r"slot [12]:\d \(", known["GPUs"])
        assert json.loads(explain(stack, known["decision"], client).stdout)["outcome"] == "granted"
    other = explain(stack, "train", bob, check=False)
    assert other.returncode == 1
    assert other.stderr == explain(stack, "trainx", bob, check=False).stderr.replace("trainx", "train")


def test_Root_Docker_a_dry_run_says_what_would_be_granted_and_does_nothing(stack, each_cli, alice):
    before = fingerprint(stack)
    done = dry_run(stack, alice, each_cli, "run", "--rm", "--gpus", "1", "--name", "dry", "-m", "999g", BUSYBOX, "true")
    assert done.returncode == 0, done.stderr
    [create] = json.loads(done.stdout)["creates"]
    assert create["outcome"] == "granted"
    assert re.match(r"[12]:\d \(", facts(create)["slot"])
    changes = {change["path"]: change for change in create["changes"]}
    assert changes["HostConfig.CgroupParent"]["before"] is None
    assert int(changes["HostConfig.Memory"]["after"]) < int(changes["HostConfig.Memory"]["before"])
    assert any("memory" in warning for warning in create["warnings"])
    assert fingerprint(stack) == before


def test_Root_Docker_a_dry_run_says_what_would_be_refused(stack, each_cli, alice, bob):
    alice.out("run", "-d", "--name", "both", "--gpus", "2", *SLEEP)
    before = fingerprint(stack)
    refused = dry_run(stack, alice, each_cli, "run", "--gpus", "1", *SLEEP)
    assert refused.returncode == 1
    [create] = json.loads(refused.stdout)["creates"]
    assert create["reason"] == "gpu_quota"
    assert "docker rm -f both" in create["remedy"]
    held = dry_run(stack, bob, each_cli, "run", "--gpus", "device=0", *SLEEP)
    assert held.returncode == TRY_LATER
    assert json.loads(dry_run(stack, alice, each_cli, "run", "--privileged", *SLEEP).stdout)["creates"][0]["reason"] == (
        "privileged"
    )
    assert fingerprint(stack) == before


def test_Root_Docker_a_dry_run_pulls_and_starts_nothing(stack, each_cli, alice):
    alice.out("create", "--name", "asleep", *SLEEP)
    before = fingerprint(stack)
    missing = dry_run(stack, alice, each_cli, "run", "no/such:image", "true")
    assert missing.returncode == 0, missing.stderr
    [create] = json.loads(missing.stdout)["creates"]
    assert any("No such image" in warning for warning in create["warnings"])
    for command in (["start", "asleep"], ["rm", "-f", "asleep"], ["pull", BUSYBOX], ["volume", "create", "v"]):
        done = dry_run(stack, alice, each_cli, *command)
        assert done.returncode == 1
        assert json.loads(done.stdout)["also"], command
    assert fingerprint(stack) == before


def test_Root_Docker_a_dry_run_of_what_fails_by_itself_shows_its_words(stack, each_cli, alice):
    done = dry_run(stack, alice, each_cli, "run", "--no-such-option", BUSYBOX)
    assert done.returncode == 1
    assert "no-such-option" in done.stderr
    assert stack.daemon.ds01("explain", "--dry-run", "--", each_cli, "-H", "unix:///x", "run", check=False).returncode == 2
    assert stack.daemon.ds01("explain", "--dry-run", "--", "/no/such/program", check=False).returncode == 1


def test_Root_Docker_a_dry_run_tells_nothing_of_others(stack, alice, bob):
    alice.out("run", "-d", "--name", "secret-name", *SLEEP)
    for option in ("container:secret-name", "container:no-such-name"):
        done = dry_run(stack, bob, bob.cli, "run", "--network", option, *SLEEP)
        told = json.loads(done.stdout)["creates"][0]
        assert told["outcome"] == "refused"
        text = told["text"].replace(option.removeprefix("container:"), "X")
        if option == "container:secret-name":
            first = text
    assert text == first, "a container of somebody else's must look like none"


def test_Root_Docker_the_control_api_reads_strictly(stack, alice):
    socket = str(stack.daemon.run_dir / "ds01.sock")
    for target in (
        "/v1/explain/..%2f..%2fstatus",
        "/v1/explain/%00",
        "/v1/explain/",
        "/v1/explain/D0123456789ab%22",
        "/v1/events?user=root&user=bob",
        "/v1/events?limit=99999999",
        "/v1/events?path=/etc/shadow",
        "/v1/dry-run",
    ):
        assert exchange(socket, "GET", target).status in (400, 404, 405), target
    assert exchange(socket, "POST", "/v1/dry-run?target=/containers/x/start", b"{}").json()["outcome"] == "refused"
    assert exchange(socket, "POST", "/v1/dry-run", b"{}").status == 400
    assert exchange(socket, "POST", "/v1/explain/x", b"{}").status in (405, 413)
    assert exchange(socket, "GET", "/v1/info").json()["listen"] == str(stack.daemon.socket)


def test_Root_Docker_programs_without_docker_are_told_so(stack, alice):
    done = dry_run(stack, alice, "true")
    assert done.returncode == 1
    assert "asked no Docker" in done.stderr


def test_Root_the_dry_runs_socket_is_gone_afterwards(stack, alice):
    dry_run(stack, alice, alice.cli, "run", BUSYBOX)
    left = subprocess.run(["find", "/tmp", "-maxdepth", "1", "-name", "ds01-dry-run-*"], capture_output=True, check=True)
    assert left.stdout == b""
