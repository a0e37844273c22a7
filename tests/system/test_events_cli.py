"""`ds01 events`: the log of decisions, each user's own and everybody's to admins, searched and followed."""

import json
import re
import subprocess

import pytest
from lib.client import Follower
from lib.images import BUSYBOX
from lib.unix_http import RawConnection
from lib.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stack")

SLEEP = [BUSYBOX, "sleep", "600"]
SESSIONS_PER_UID = 16
TRY_LATER = 75


def events(stack, *args, client=None):
    return json.loads(stack.daemon.ds01("events", "--json", *args, client=client).stdout)["events"]


def following(stack, *args):
    argv = [str(stack.daemon.program()), "--run-dir", str(stack.daemon.run_dir), "events", "--follow", "-n", "0", *args]
    return Follower(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE))


def test_Root_Docker_users_see_their_own_events_and_admins_all(stack, alice, bob):
    alice.out("run", "-d", "--name", "hers", "--gpus", "1", *SLEEP)
    bob.out("run", "-d", "--name", "his", *SLEEP)
    bob.refused("rm", "hers")  # is written down, and would tell bob of a container that is not his
    mine = events(stack, client=bob)
    assert {event["user"] for event in mine} == {bob.user.name}
    assert "hers" not in json.dumps(mine)
    everybody = events(stack, "-n", "50")
    assert {alice.user.name, bob.user.name} <= {event["user"] for event in everybody}
    assert any(event["details"].get("reason") == "not_owner" for event in everybody)
    refused = stack.daemon.ds01("events", "--user", alice.user.name, client=bob, check=False)
    assert refused.returncode == 77
    assert events(stack, "--user", bob.user.name) != []


def test_Root_Docker_filters_narrow(stack, alice):
    alice.out("run", "-d", "--name", "one", "--gpus", "1", *SLEEP)
    alice.out("run", "-d", "--name", "two", *SLEEP)
    assert {event["type"] for event in events(stack, "--type", "gpu", "--container", "one")} == {"gpu.allocate"}
    assert [event["details"]["container"] for event in events(stack, "--container", "two")] == ["two"]
    assert len(events(stack, "--limit", "1")) == 1
    assert events(stack, "--until", "2020-01-01T00:00:00Z") == []
    assert events(stack, "--since", "1h", "--type", "container.create", "--container", "two") != []
    times = [event["timestamp"] for event in events(stack)]
    assert times == sorted(times)
    assert stack.daemon.ds01("events", "--since", "yesterday", check=False).returncode == 2


def test_Root_Docker_one_aligned_line_an_event(stack, alice):
    alice.out("run", "-d", "--name", "one", "--gpus", "1", *SLEEP)
    line = stack.daemon.ds01("events", "--type", "container.create", "-n", "1").stdout
    assert re.fullmatch(r" +\d\d:\d\d:\d\d \S+ +container\.create one from \S+, MIG-\S+ D[0-9a-f]{12}\n", line), line


def until_heard(follower, client):
    """The follower's first line: containers are made until it is there to tell of one."""
    for number in range(20):
        client.out("create", "--name", f"c{number}", BUSYBOX)
        try:
            return follower.line(timeout=1)
        except AssertionError:
            client.out("rm", f"c{number}")
    raise AssertionError("the follower never told anything")


@pytest.mark.parametrize("rotate", ["copytruncate", "rename"])
def test_Root_Docker_following_goes_on_when_the_log_is_rotated(stack, alice, bob, rotate):
    log = stack.daemon.logs / "events.jsonl"
    with following(stack, "--type", "container.create", "--json") as follower:
        assert json.loads(until_heard(follower, alice))["type"] == "container.create"
        if rotate == "rename":
            log.rename(log.with_name("events.jsonl.1"))
        else:
            log.write_text("")
        bob.out("create", "--name", "after", BUSYBOX)
        seen = json.loads(follower.line())
        assert (seen["user"], seen["details"]["container"]) == (bob.user.name, "after")
        log.with_name("events.jsonl.1").unlink(missing_ok=True)


def test_Root_Docker_following_ends_with_the_daemon(stack, alice):
    with following(stack, "--type", "container.create") as follower:
        until_heard(follower, alice)
        stack.daemon.restart()
        assert follower.rest() == []
        assert follower.process.wait(timeout=20) == 75


def test_Root_Docker_one_user_cannot_take_all_sessions(stack, alice, bob):
    socket = stack.daemon.run_dir / "ds01.sock"
    connections = [RawConnection(alice.user, socket) for _ in range(SESSIONS_PER_UID)]
    try:
        wait_until(lambda: stack.daemon.ds01("status", client=alice, check=False).returncode == TRY_LATER, 15, "the cap")
        assert stack.daemon.ds01("status", client=bob).returncode == 0
        assert stack.daemon.ds01("status").returncode == 0
    finally:
        for connection in connections:
            connection.close()
    wait_until(lambda: stack.daemon.ds01("status", client=alice, check=False).returncode == 0, 15, "free sessions again")
