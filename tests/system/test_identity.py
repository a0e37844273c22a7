"""Whose a peer is: containers with the socket, whoever runs in them; forged cgroups, namespaces, connections that change
hands. Each refusal is a sentence, and nobody is ever taken for somebody else."""

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from lib import peer
from lib.client import NEW_CLI
from lib.images import BUSYBOX
from lib.need import need
from lib.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stack")

USUAL = "/var/run/docker.sock"


@pytest.fixture(scope="module")
def tools(module_stack):
    """A directory of each user with the static client in it."""
    made = {}
    for role, user in module_stack.users.items():
        directory = user.home / "tools"
        directory.mkdir(exist_ok=True)
        program = peer.build(directory)
        for path in (directory, program):
            os.chown(path, user.uid, user.gid)
        made[role] = directory
    return made


@pytest.fixture
def inside(alice, tools):
    """Starts a container of alice's with the socket and the client in it, and gives a way to call from there."""

    def start(*options, name="inside"):
        alice.docker("run", "-d", "--name", name, "-v", f"{tools['alice']}:/tools", "-v", f"{USUAL}:{USUAL}", *options,
                     BUSYBOX, "sleep", "1000")  # fmt: skip
        return lambda target, *exec_options, how="get": alice.docker(
            "exec", *exec_options, name, "/tools/peer", how, USUAL, target, check=False
        ).stdout

    return start


def names_in(answer):
    assert answer.startswith("HTTP/1.1 200"), answer
    text = answer.split("\n\n", 1)[1]
    return {name for item in json.loads(text[text.index("[") : text.rindex("]") + 1]) for name in item["Names"]}


def devices_cgroup():
    return Path("/sys/fs/cgroup/devices") if Path("/sys/fs/cgroup/devices").is_dir() else Path("/sys/fs/cgroup")


@contextlib.contextmanager
def forged_cgroup(relative):
    """A directory as a user with a delegated subtree could make it."""
    top = devices_cgroup() / f"ds01test-forged-{os.getpid()}"
    path = top / relative
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        for directory, _, _ in os.walk(top, topdown=False):
            os.rmdir(directory)


def call_from(cgroup, client, target):
    """As the client's user, from a process in that cgroup."""
    script = 'echo $$ > "$0"/cgroup.procs; exec setpriv --reuid "$1" --regid "$1" --clear-groups "$2" get "$3" "$4"'
    program = client.user.home / "tools/peer"
    done = subprocess.run(
        ["sh", "-c", script, cgroup, str(client.user.uid), program, client.socket, target],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_Identity_a_container_with_the_socket_acts_as_its_owner(stack, alice, bob, inside, tools):
    bob.docker("run", "-d", "--name", "bobs", BUSYBOX, "sleep", "1000")
    call = inside()
    for who in ("0:0", "12345:12345", f"{bob.user.uid}:{bob.user.gid}"):
        assert names_in(call("/containers/json", "-u", who)) == {"/inside"}, who
        assert call("/containers/bobs/json", "-u", who).startswith("HTTP/1.1 404"), who


def test_Identity_what_is_made_there_is_the_owners(stack, alice, inside, tools):
    shutil.copy(NEW_CLI, tools["alice"] / "docker")
    inside()
    made = alice.out("exec", "-e", f"DOCKER_HOST=unix://{USUAL}", "inside", "/tools/docker", "run", "-d", "--gpus", "1",
                     "--name", "inner", BUSYBOX, "sleep", "1000")  # fmt: skip
    inner, outer = stack.engine.inspect("inner"), stack.engine.inspect("inside")
    assert made == inner["Id"]
    assert inner["Config"]["Labels"]["ds01.user"] == alice.user.name
    assert inner["HostConfig"]["CgroupParent"] == outer["HostConfig"]["CgroupParent"]
    held = stack.daemon.held()
    assert [gpu["user"] for gpu in held.values()] == [alice.user.name]
    created = [e for e in stack.daemon.events() if e["event_type"] == "container.create"][-1]
    assert created["user"] == alice.user.name
    assert created["details"]["from_container"] == outer["Id"]
    refused = alice.refused("exec", "-e", f"DOCKER_HOST=unix://{USUAL}", "inside", "/tools/docker", "run",
                            "--privileged", BUSYBOX, "true")  # fmt: skip
    assert "privileged" in refused
    event = [e for e in stack.daemon.events() if e["event_type"] == "auth.denied"][-1]
    assert event["details"]["from_container"] == outer["Id"]


@pytest.mark.parametrize("how", ["-v {}:/s", "--mount type=bind,src={},dst=/s"])
def test_Identity_the_engines_socket_is_replaced_by_ours(stack, alice, how):
    for asked in (USUAL, "/run/docker.sock", "/var/run//./docker.sock", str(stack.engine.socket)):
        done = alice.docker("create", *how.format(asked).split(), BUSYBOX, "true")
        assert "mounted in its place" in done.stderr, done
        host = stack.engine.inspect(done.stdout.strip())["HostConfig"]
        bound = [bind.split(":")[0] for bind in host["Binds"] or []] + [m["Source"] for m in host.get("Mounts") or []]
        assert bound == [os.path.realpath(stack.daemon.socket)]
        alice.docker("rm", done.stdout.strip())
    done = alice.docker("create", *how.format(stack.daemon.socket).split(), BUSYBOX, "true")
    assert "mounted in its place" not in done.stderr


def test_Identity_the_engines_socket_is_reached_by_no_way_round(stack, alice):
    home = alice.user.home
    links = {"run": "/run", "engine": stack.engine.base, "base": stack.base}
    for name, target in links.items():
        (home / name).symlink_to(target)
    try:
        for source in ("/run", "/var/run", "/", stack.engine.base, stack.base, *(home / name for name in links)):
            assert "ds01: " in alice.refused("create", "-v", f"{source}:/s", BUSYBOX)
        # Ours may be reached through a link; what is mounted is the real path, which nobody can turn elsewhere.
        (home / "ours").symlink_to(stack.daemon.run_dir)
        done = alice.docker("create", "-v", f"{home}/ours/docker.sock:/s", BUSYBOX, "true")
        bind = stack.engine.inspect(done.stdout.strip())["HostConfig"]["Binds"][0]
        assert bind == f"{os.path.realpath(stack.daemon.socket)}:/s:ro"
    finally:
        for name in (*links, "ours"):
            (home / name).unlink(missing_ok=True)


def test_Identity_a_container_that_is_nobodys_is_refused(stack, tools):
    """Made at the Engine by root, with the host's namespaces even: not root's rights, and not nothing said."""
    for options in ({}, {"PidMode": "host", "UsernsMode": "host"}):
        body = {
            "Image": BUSYBOX,
            "Cmd": ["/tools/peer", "get", "/s", "/containers/json"],
            "HostConfig": {"Binds": [f"{tools['alice']}:/tools", f"{stack.daemon.socket}:/s"], **options},
        }
        made = stack.engine.api("POST", "/containers/create", body).json()["Id"]
        stack.engine.api("POST", f"/containers/{made}/start")
        stack.engine.api("POST", f"/containers/{made}/wait")
        logs = stack.engine.api("GET", f"/containers/{made}/logs?stdout=1&stderr=1").body.decode(errors="replace")
        assert "403" in logs and made[:12] in logs and "belongs to no user" in logs, logs


def test_Identity_a_directory_with_a_containers_name_is_not_the_container(stack, alice, bob, tools):
    bob.docker("run", "-d", "--name", "bobs", BUSYBOX, "sleep", "1000")
    alice.docker("run", "-d", "--name", "hers", BUSYBOX, "sleep", "1000")
    container = stack.engine.inspect("bobs")
    parent = container["HostConfig"]["CgroupParent"].lstrip("/")
    for relative in (container["Id"], f"docker-{container['Id']}.scope", f"{parent}/{container['Id']}",
                     f"{container['Id']}/{container['Id']}", f"docker/{'0' * 64}"):  # fmt: skip
        with forged_cgroup(relative) as path:
            assert names_in(call_from(path, alice, "/containers/json")) == {"/hers"}, relative


def test_Identity_namespaces_of_ones_own_are_refused(alice, tools):
    program = tools["alice"] / "peer"
    own = alice.run(["unshare", "-U", program, "get", alice.socket, "/containers/json"], check=False)
    need("unshare failed" not in own.stderr, "needs user namespaces for ordinary users")
    assert own.stdout.startswith("HTTP/1.1 403") and "namespace of its own" in own.stdout, own
    pid = subprocess.run(["unshare", "--pid", "--fork", program, "get", alice.socket, "/_ping"],
                         capture_output=True, text=True, check=False)  # fmt: skip
    assert pid.stdout.startswith("HTTP/1.1 403") and "namespace of its own" in pid.stdout, pid


def test_Identity_a_connection_that_changes_hands_stays_its_openers(alice, tools, inside):
    """The opener's, and only as long as it lives: on the host and in a container."""
    done = alice.run([tools["alice"] / "peer", "orphan", alice.socket, "/containers/json"], check=False)
    assert done.stdout.startswith("HTTP/1.1 403") and "has exited" in done.stdout, done
    answer = inside()("/containers/json", how="orphan")
    assert answer.startswith("HTTP/1.1 403") and "has exited" in answer, answer


def test_Identity_bob_with_a_connection_of_alices_is_alice(alice, bob):
    alice.docker("run", "-d", "--name", "hers", BUSYBOX, "sleep", "1000")
    bob.docker("run", "-d", "--name", "bobs", BUSYBOX, "sleep", "1000")
    # The test itself runs as root and holds the connection that a process of alice's has opened and handed over.
    with alice.raw() as raw:
        names = {name for item in raw.ask("GET", "/containers/json").json() for name in item["Names"]}
        assert names == {"/hers"}
        assert raw.ask("GET", "/containers/bobs/json").status == 404


def test_Identity_a_stream_that_runs_outlives_its_opener(alice):
    alice.docker("run", "-di", "--name", "talks", BUSYBOX, "cat")
    with alice.raw() as raw:
        raw.request("POST", "/containers/talks/attach?stream=1&stdin=1&stdout=1", b"",
                    {"Upgrade": "tcp", "Connection": "Upgrade"})  # fmt: skip
        assert raw.reply().status == 101
        raw.end_opener()
        raw.send(b"still here\n")
        # Eight bytes of frame, then the text.
        assert raw._exactly(8 + len(b"still here\n"))[8:] == b"still here\n"


def test_Identity_a_container_that_stops_meanwhile_is_never_somebody_else(stack, alice, inside, tools):
    """Calls without pause while the container is killed: what gets through is alice's, the rest is refused."""
    for round_ in range(5):
        name = f"racer{round_}"
        alice.docker("run", "-d", "--name", name, "-v", f"{tools['alice']}:/tools", "-v", f"{USUAL}:{USUAL}", BUSYBOX,
                     "/tools/peer", "flood", USUAL, f"/containers/json?round={round_}")  # fmt: skip
        wait_until(lambda name=name: "200" in alice.docker("logs", "--tail", "5", name).stdout, 15, "answers")
        alice.docker("kill", name)
        statuses = set(alice.docker("logs", name).stdout.split("\n"))
        assert statuses <= {"HTTP/1.1 200", "HTTP/1.1 403", ""}, statuses
        alice.docker("rm", name)
    wrong = [e for e in stack.daemon.events() if e["event_type"] == "auth.denied" and e.get("user") not in
             (None, "", alice.user.name)]  # fmt: skip
    assert not [e for e in wrong if e["details"].get("from_container")]


def test_Identity_without_the_engine_a_container_is_nobody(stack, alice, tools):
    out = alice.user.home / "tools/out"
    loop = f"while :; do /tools/peer get {USUAL} /containers/json > /tools/out.new; mv /tools/out.new /tools/out; done"
    alice.docker("run", "-d", "--name", "asks", "-v", f"{tools['alice']}:/tools", "-v", f"{USUAL}:{USUAL}", BUSYBOX,
                 "sh", "-c", loop)  # fmt: skip
    pid = stack.engine.inspect("asks")["State"]["Pid"]
    wait_until(lambda: out.exists() and out.read_text().startswith("HTTP/1.1 200"), 15, "an answer")
    stack.engine.kill()
    try:
        if Path(f"/proc/{pid}").exists():
            wait_until(lambda: "503" in out.read_text()[:20], 15, "503")
            assert "whose container" in out.read_text() or "does not answer" in out.read_text()
    finally:
        stack.engine.start()
    wait_until(lambda: stack.daemon.status() is not None, 20, "ds01d and the Engine together again")


def test_Identity_events_say_who_typed_sudo(stack, alice, tools):
    script = 'echo "$1" > /proc/self/loginuid && exec "$2" get "$3" /containers/nobodys/archive?path=/x'
    done = subprocess.run(
        ["sh", "-c", script, "_", str(alice.user.uid), tools["alice"] / "peer", alice.socket],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    need(done.returncode == 0, "needs a kernel that lets root set a login uid")
    refused = subprocess.run(
        ["sh", "-c", script.replace("containers/nobodys/archive?path=/x", "%2e%2e/x"), "_", str(alice.user.uid),
         tools["alice"] / "peer", alice.socket],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.stdout.startswith("HTTP/1.1 4"), refused
    event = wait_until(
        lambda: next((e for e in reversed(stack.daemon.events()) if e["details"].get("login_uid")), None), 10, "the event"
    )
    assert (event["user"], event["details"]["login_uid"], event["details"]["login"]) == (
        "root",
        alice.user.uid,
        alice.user.name,
    )
