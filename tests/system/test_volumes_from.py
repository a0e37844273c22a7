"""--volumes-from: of one's own containers as on the bare Engine, of others' as if there were none; and what single keys
of the configuration open."""

import json
import os
import re
import shutil

import pytest
import yaml
from lib import compose
from lib.differential import compare
from lib.images import BUSYBOX
from lib.unix_http import exchange

SLEEP = [BUSYBOX, "sleep", "600"]


@pytest.fixture
def folder(alice):
    path = alice.user.home / "shared-work"
    shutil.rmtree(path, ignore_errors=True)
    alice.run(["mkdir", path])
    alice.run(["sh", "-c", f"echo hers > {path}/file"])
    yield path
    shutil.rmtree(path, ignore_errors=True)


def without_decision(text, ref):
    return re.sub(r"\(decision D\w+\)", "", text).replace(ref, "REF")


def mounts_of(stack, name):
    return {mount["Destination"]: mount for mount in stack.engine.inspect(name)["Mounts"]}


def test_Root_Docker_volumes_of_ones_own_container_are_had(stack, alice, each_cli):
    alice = alice.with_cli(each_cli)
    alice.out("run", "--name", "store", "-v", "data:/data", "-v", "/cache", BUSYBOX, "sh", "-c", "echo 1 > /data/f; echo 2 > /cache/f")
    assert alice.out("run", "--rm", "--volumes-from", "store", BUSYBOX, "cat", "/data/f", "/cache/f").split() == ["1", "2"]
    alice.out("run", "--rm", "--volumes-from", "store:rw", BUSYBOX, "sh", "-c", "echo 3 > /data/f")
    written = alice.docker("run", "--rm", "--volumes-from", "store:ro", BUSYBOX, "sh", "-c", "echo 4 > /cache/f", check=False)
    assert written.returncode != 0 and "Read-only" in written.stderr
    short = stack.engine.inspect("store")["Id"][:12]
    alice.out("create", "--name", "next", "--volumes-from", short, BUSYBOX)
    host = stack.engine.inspect("next")["HostConfig"]
    assert not host["VolumesFrom"], "what was decided on is what was sent"
    assert {m["Source"] for m in host["Mounts"]} == {m["Name"] for m in mounts_of(stack, "store").values()}
    alice.out("rm", "store")
    assert alice.out("run", "--rm", "--volumes-from", "next", BUSYBOX, "cat", "/data/f") == "3"


def test_Root_Docker_what_the_request_mounts_itself_goes_first(stack, alice):
    alice.out("create", "--name", "store", "-v", "data:/data", "-v", "more:/more", BUSYBOX)
    alice.out("create", "--name", "second", "-v", "later:/more", BUSYBOX)
    alice.out("create", "--name", "next", "-v", "own:/data", "--volumes-from", "store", "--volumes-from", "second", BUSYBOX)
    assert {at: m["Name"] for at, m in mounts_of(stack, "next").items()} == {"/data": "own", "/more": "later"}
    bare = {"Image": BUSYBOX, "HostConfig": {"Binds": ["own:/data"], "VolumesFrom": ["store", "second"]}}
    stack.engine.api("POST", "/containers/create?name=bare", bare)
    assert {at: m["Name"] for at, m in mounts_of(stack, "bare").items()} == {"/data": "own", "/more": "later"}


def test_Root_Docker_of_others_there_is_nothing(stack, alice, bob):
    bob.out("run", "-d", "--name", "bobs", "-v", "bobs:/data", *SLEEP)
    stack.engine.api("POST", "/containers/create?name=roots", {"Image": BUSYBOX, "HostConfig": {"Binds": ["/etc:/x"]}})
    missing = without_decision(alice.refused("create", "--volumes-from", "nobodys", BUSYBOX), "nobodys")
    for ref in ("bobs", stack.engine.inspect("bobs")["Id"], stack.engine.inspect("bobs")["Id"][:12], "roots"):
        for options in ([ref], [f"{ref}:ro"]):
            said = alice.refused("create", "--volumes-from", *options, BUSYBOX)
            assert without_decision(said, ref) == missing, options


def test_Root_Docker_a_folder_is_pinned_anew_and_looked_at_as_ever(stack, alice, folder):
    alice.out("create", "--name", "stopped", "-v", f"{folder}:/w", BUSYBOX)
    alice.out("run", "-d", "--name", "next", "--volumes-from", "stopped", *SLEEP)
    old, new = mounts_of(stack, "stopped")["/w"]["Source"], mounts_of(stack, "next")["/w"]["Source"]
    assert old != new and str(folder) not in new
    [shown] = json.loads(alice.out("inspect", "next"))
    assert [(m["Source"], m["RW"]) for m in shown["Mounts"]] == [(str(folder), True)]
    alice.out("rm", "stopped")
    alice.out("restart", "-t", "0", "next")
    alice.out("exec", "next", "sh", "-c", "cat /w/file; echo x > /w/made")
    assert (folder / "made").stat().st_uid == alice.user.uid
    assert "CHOWN" in stack.engine.inspect("next")["HostConfig"]["CapDrop"]
    assert "--cap-add CHOWN" in alice.refused("create", "--volumes-from", "next", "--cap-add", "CHOWN", BUSYBOX)
    read_only = alice.docker("run", "--rm", "--volumes-from", "next:ro", BUSYBOX, "touch", "/w/x", check=False)
    assert read_only.returncode != 0 and not (folder / "x").exists()


def test_Root_Docker_a_folder_that_is_a_way_out_by_now_is_refused(alice, folder):
    alice.out("create", "--name", "stopped", "-v", f"{folder}:/w", BUSYBOX)
    shutil.rmtree(folder)
    alice.run(["ln", "-s", "/etc", folder])
    try:
        assert str(folder) in alice.refused("create", "--volumes-from", "stopped", BUSYBOX)
    finally:
        folder.unlink()


def test_Root_Docker_what_root_bound_for_somebody_is_not_handed_on(stack, alice):
    """A container that an administrator makes for alice has what the administrator binds."""
    host = {"Binds": ["/etc:/x"]}
    labels = {"devcontainer.local_folder": str(alice.user.home / "project")}
    body = {"Image": BUSYBOX, "Labels": labels, "HostConfig": host}
    made = exchange(stack.daemon.socket, "POST", "/containers/create?name=for-her", body)
    assert made.status == 201, made.message()
    assert alice.out("ps", "-aq", "--filter", "name=for-her"), "it is not hers"
    assert "/etc" in alice.refused("create", "--volumes-from", "for-her", BUSYBOX)


COMPOSE = f"""
version: "2.4"
services:
  store:
    image: {BUSYBOX}
    command: sleep 600
    volumes: ["data:/data", "/scratch"]
  app:
    image: {BUSYBOX}
    command: sleep 600
    volumes_from: ["store:ro"]
volumes: {{data: {{}}}}
"""


def compose_project(version, seen):
    project = compose.Project(seen.client, version)

    def do(*args, **keywords):
        return project(*args, run=seen.run, **keywords)

    project.write(COMPOSE)
    do("up", "-d", output=False)
    first = do("ps", "-q", output=False).stdout
    do("exec", "-T", "store", "sh", "-c", "echo 1 > /data/f; echo 2 > /scratch/f")
    do("exec", "-T", "app", "sh", "-c", "cat /data/f /scratch/f; echo 3 > /data/f && echo written")
    do("up", "-d", output=False)
    seen.note("nothing was made anew", first == do("ps", "-q", output=False).stdout)
    do("rm", "-f", "-s", "app", output=False)
    do("up", "-d", output=False)
    do("exec", "-T", "app", "cat", "/scratch/f")
    do("down", "-v", "-t", "0", output=False)
    seen.docker("volume", "ls", "-q", "--filter", "label=com.docker.compose.project=lab", unordered=True)


@pytest.mark.parametrize("version", compose.VERSIONS)
def test_Root_Docker_compose_volumes_from_is_that_of_the_bare_engine(stack, version):
    compose.argv(version)
    compare(stack, lambda seen: compose_project(version, seen))


@pytest.fixture
def opened(stack, alice):
    """Sets keys for alice."""
    path = stack.daemon.config / "resource-limits.yaml"
    before = path.read_text()

    def do(**keys):
        settings = yaml.safe_load(before)
        settings.setdefault("user_overrides", {}).setdefault(alice.user.name, {}).update(keys)
        path.write_text(yaml.safe_dump(settings))
        stack.daemon.reload()

    yield do
    stack.remove_everything()
    path.write_text(before)
    stack.daemon.reload()


def effective(client, *options):
    status = client.out("run", "--rm", *options, BUSYBOX, "cat", "/proc/self/status")
    return int(re.search(r"CapEff:\s*(\w+)", status)[1], 16)


def test_Root_Docker_capabilities_are_open_to_whom_the_site_opens_them(alice, bob, folder, opened):
    lock, owner, chown = 1 << 14, 1 << 15, 1 << 0  # capabilities(7)
    assert "--cap-add IPC_LOCK" in alice.refused("create", "--cap-add", "IPC_LOCK", BUSYBOX)
    opened(capabilities=["cap_ipc_lock", "IPC_OWNER"])
    assert effective(alice) & (lock | owner) == 0, "for those who ask"
    for name in ("IPC_LOCK", "cap_ipc_lock", "CAP_IPC_LOCK"):
        assert effective(alice, "--cap-add", name, "--cap-add", "IPC_OWNER") & (lock | owner) == lock | owner, name
    assert effective(alice, "--cap-add", "IPC_LOCK", "-v", f"{folder}:/w") & (lock | chown) == lock
    alice.out("run", "-d", "--name", "made", *SLEEP)
    for refused in (
        ["--cap-add", "SYS_ADMIN"],
        ["--cap-add", "NET_ADMIN"],
        ["--cap-add", "ALL"],
        ["--cap-add", "CHOWN", "-v", f"{folder}:/w"],
    ):
        assert "--cap-add" in alice.refused("create", *refused, BUSYBOX), refused
    assert "privileged" in alice.refused("exec", "--privileged", "made", "true").lower()
    assert "--cap-add IPC_LOCK" in bob.refused("create", "--cap-add", "IPC_LOCK", BUSYBOX)


def test_Root_Docker_shared_memory_of_the_host_is_for_those_who_are_nobody_else_there(stack, alice, bob, opened):
    here = os.readlink(f"/proc/{stack.engine.child.pid}/ns/ipc")
    ipc = ["sh", "-c", "readlink /proc/self/ns/ipc; id -u"]
    assert "--ipc host" in alice.refused("run", "--rm", "--ipc", "host", BUSYBOX, *ipc)
    opened(host_ipc=True)
    assert "run_as_owner" in alice.refused("run", "--rm", "--ipc", "host", BUSYBOX, *ipc)
    opened(host_ipc=True, run_as_owner=True)
    assert alice.out("run", "--rm", "--ipc", "host", BUSYBOX, *ipc).split() == [here, str(alice.user.uid)]
    assert "--cap-add" in alice.refused("run", "--rm", "--ipc", "host", "--cap-add", "CHOWN", BUSYBOX, *ipc)
    alice.out("run", "-d", "--name", "has-it", "--ipc", "host", *SLEEP)
    assert alice.out("run", "--rm", "--ipc", "container:has-it", BUSYBOX, *ipc).split()[0] == here
    opened()
    assert "has the host's" in alice.refused("run", "--rm", "--ipc", "container:has-it", BUSYBOX, *ipc)
    assert "--ipc host" in bob.refused("run", "--rm", "--ipc", "host", BUSYBOX, *ipc)
