"""Containers that were not made through ds01d, before it came or behind its back: whose they seem to be, what that gives
and what it does not, and container-owners.json."""

import fcntl
import json
import os
import subprocess

import pytest
from lib.images import BUSYBOX
from lib.unix_http import exchange
from lib.waiting import wait_until

SLEEP = [BUSYBOX, "sleep", "600"]
MALLORYS = "ds01test/mallorys:latest"
SECRET = "s3cret"


@pytest.fixture(scope="module", autouse=True)
def mallorys_image(module_stack, busybox_tar):
    """An image that says it is bob's, in every way in which an image can say so."""
    bob = module_stack.bob.user
    labels = {
        "ds01.user": bob.name,
        "aime.mlc.USER": bob.name,
        "devcontainer.local_folder": str(bob.home),
        "com.docker.compose.project.working_dir": str(bob.home),
    }
    changes = ["ENV PATH=/bin", *(f"LABEL {key}={value}" for key, value in labels.items())]
    module_stack.engine.import_image(MALLORYS, busybox_tar, changes)


def make(stack, name, image=BUSYBOX, start=True, labels=None, **host_config):
    """As root on the Engine's socket."""
    body = {"Image": image, "Cmd": ["sleep", "600"], "Labels": labels or {}, "Env": [f"TOKEN={SECRET}"]}
    made = stack.engine.api("POST", f"/containers/create?name={name}", {**body, "HostConfig": host_config}).json()
    if start:
        stack.engine.api("POST", f"/containers/{name}/start")
    return made["Id"]


def owners(stack):
    return json.loads((stack.daemon.state / "opa/container-owners.json").read_text())


def entry(stack, key):
    return owners(stack)["containers"].get(key)


def settled(stack, key, **expected):
    """The entry once it says what is expected."""

    def found():
        shown = entry(stack, key)
        return shown if shown and all(shown[k] == v for k, v in expected.items()) else None

    try:
        return wait_until(found, 10)
    except AssertionError:
        raise AssertionError(f"{key}: {entry(stack, key)} is not {expected}") from None


def tracked(stack, key, client, method):
    return settled(
        stack, key, owner=client.user.name, owner_uid=client.user.uid, detection_method=method, ds01_managed=False
    )


def nobodys(stack, key):
    return settled(stack, key, owner=None, owner_uid=None, detection_method="unknown", ds01_managed=False)


def names(client, *options):
    return client.out("ps", "-a", "--format", "{{.Names}}", *options).split()


def test_Root_Docker_every_strategy_names_its_owner(stack, alice, bob):
    folder = alice.user.home / "code"
    alice.run(["mkdir", "-p", folder])
    make(stack, "label", labels={"ds01.user": alice.user.name})
    make(stack, "aime", labels={"aime.mlc.USER": bob.user.name})
    make(stack, f"torch._.{alice.user.uid}")
    make(stack, "dev", labels={"devcontainer.local_folder": str(folder)})
    make(stack, "mount", Binds=[f"{folder}:/code"])
    make(stack, "mount2", Mounts=[{"Type": "bind", "Source": str(bob.user.home), "Target": "/x"}])
    make(stack, "compose", labels={"com.docker.compose.project.working_dir": str(folder)})
    tracked(stack, "label", alice, "ds01_label")
    tracked(stack, "aime", bob, "aime_label")
    assert tracked(stack, f"torch._.{alice.user.uid}", alice, "container_name")["interface"] == "atomic"
    assert tracked(stack, "dev", alice, "devcontainer")["interface"] == "devcontainer"
    tracked(stack, "mount", alice, "mount_path")
    tracked(stack, "mount2", bob, "mount_path")
    tracked(stack, "compose", alice, "compose_dir")


def test_Root_Docker_administrators_see_whose_it_seems_to_be(stack, alice, bob):
    make(stack, "mount", Binds=[f"{alice.user.home}:/code"])
    make(stack, "stopped", start=False)
    tracked(stack, "mount", alice, "mount_path")
    nobodys(stack, "stopped")

    def rows(client=None):
        return json.loads(stack.daemon.ds01("ps", "--json", client=client).stdout)["containers"]

    [row] = [row for row in rows() if row["name"] == "mount"]
    assert row["user"] is None and row["tracked_user"] == alice.user.name and row["tracked_by"] == "mount_path"
    [row] = [row for row in rows() if row["name"] == "stopped"]
    assert row["user"] is None and row["tracked_user"] is None and row["image"] == BUSYBOX
    assert rows(alice) == [] and rows(bob) == []


def test_Root_Docker_lies_name_nobody(stack, alice, bob):
    home, theirs = alice.user.home, bob.user.home
    link = home / "link"
    alice.run(["ln", "-sfn", theirs, link])
    roots = home / "roots"
    roots.mkdir(exist_ok=True)  # root's own folder in somebody's home
    for name, options in {
        "image": {"image": MALLORYS},
        "ghost": {"labels": {"ds01.user": "ds01-nobody-at-all"}},
        "root": {"labels": {"ds01.user": "root"}},
        "zero._.0": {},
        "far._.4294967296": {},
        "dots": {"Binds": ["/home/../root:/x"]},
        "up": {"labels": {"devcontainer.local_folder": f"{home}/../{bob.user.name}"}},
        "link": {"labels": {"devcontainer.local_folder": f"{link}/code"}},
        "owned": {"labels": {"com.docker.compose.project.working_dir": str(roots)}},
        "two": {"Binds": [f"{home}:/a", f"{theirs}:/b"]},
        "all": {"Binds": ["/home:/homes", f"{home}:/a"]},
    }.items():
        make(stack, name, start=False, **options)
        nobodys(stack, name)
    # What the maker says in the image's place counts.
    make(stack, "over", image=MALLORYS, start=False, labels={"ds01.user": alice.user.name})
    tracked(stack, "over", alice, "ds01_label")
    link.unlink()
    roots.rmdir()


def test_Root_Docker_who_was_named_can_be_rid_of_it(stack, alice, bob):
    container = make(stack, "old", labels={"ds01.user": alice.user.name}, Binds=["/etc:/roots"])
    tracked(stack, "old", alice, "ds01_label")
    assert names(alice) == ["old"] and names(bob) == []
    assert names(alice, "--filter", "name=ol") == ["old"] and names(alice, "--filter", "name=other") == []
    assert names(alice, "--filter", f"id={container[:12]}") == ["old"]
    assert names(alice, "--filter", "label=ds01.user") == []
    assert SECRET not in alice.out("inspect", "old") and "roots" not in alice.out("inspect", "old")
    [shown] = json.loads(alice.out("inspect", "old"))
    assert shown["Id"] == container and shown["State"]["Running"]
    alice.out("stats", "--no-stream", "old")
    for refused in (
        ["exec", "old", "env"], ["logs", "old"], ["top", "old"], ["start", "old"], ["restart", "old"],
        ["kill", "old"], ["cp", "old:/etc/passwd", "-"], ["export", "old"], ["commit", "old", "x"], ["diff", "old"],
        ["rename", "old", "new"], ["update", "--memory", "64m", "old"], ["pause", "old"],
        ["rm", "-f", "-v", "old"],
    ):  # fmt: skip
        assert "not made through this server's socket" in alice.refused(*refused), refused
    assert "403" in alice.refused("attach", "old")  # the client does not show why
    for joins in (["--network", "container:old"], ["--pid", "container:old"], ["--volumes-from", "old"]):
        text = alice.refused("run", "--rm", *joins, BUSYBOX, "true")
        assert "No such container" in text or "is not allowed here" in text, joins
    for refused in (["inspect", "old"], ["stop", "old"], ["rm", "old"], ["logs", "old"]):
        assert "No such" in bob.refused(*refused), refused
    before = len(stack.daemon.events())
    alice.out("stop", "-t", "0", "old")
    assert stack.engine.inspect("old")["State"]["Status"] == "exited"
    alice.out("rm", "old")
    assert not stack.engine.exists("old")
    recorded = [e for e in stack.daemon.events()[before:] if e["event_type"] == "access.unowned_container"]
    assert [e["user"] for e in recorded] == [alice.user.name] * len(recorded) and len(recorded) >= 2
    wait_until(lambda: container not in owners(stack)["containers"], 10, "the entry to go")


def test_Root_Docker_a_folder_gives_nothing(stack, alice):
    """It may be a colleague's container that works on it."""
    make(stack, "guess", Binds=[f"{alice.user.home}:/x"])
    tracked(stack, "guess", alice, "mount_path")
    assert names(alice) == []
    for refused in (["inspect", "guess"], ["stop", "guess"], ["rm", "guess"]):
        assert "No such" in alice.refused(*refused)
    assert stack.engine.inspect("guess")["State"]["Running"]


def test_Root_Docker_mallorys_image_with_roots_secrets_stays_roots(stack, bob):
    make(stack, "trap", image=MALLORYS)
    nobodys(stack, "trap")
    assert names(bob) == []
    for refused in (["inspect", "trap"], ["logs", "trap"], ["exec", "trap", "env"], ["rm", "trap"]):
        assert "No such" in bob.refused(*refused)


def test_Root_Docker_administrators_can_keep_one_to_themselves(stack, alice):
    make(stack, "kept", labels={"ds01.user": alice.user.name, "ds01.protected": "true"})
    tracked(stack, "kept", alice, "ds01_label")
    assert names(alice) == []
    assert "No such" in alice.refused("stop", "kept")


def test_Root_Docker_inside_a_tracked_container_one_is_nobody(stack, alice):
    """The socket in it does not make it act as its tracked owner."""
    body = {
        "Image": BUSYBOX,
        "Labels": {"ds01.user": alice.user.name},
        "Cmd": ["sleep", "600"],
        "HostConfig": {"Binds": [f"{stack.daemon.run_dir}:/s"]},
    }  # fmt: skip
    stack.engine.api("POST", "/containers/create?name=inside", body)
    stack.engine.api("POST", "/containers/inside/start")
    tracked(stack, "inside", alice, "ds01_label")
    pid = stack.engine.inspect("inside")["State"]["Pid"]
    # Through the socket from the container's cgroup, as any process in it.
    program = (
        "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(b'GET /v1.41/containers/json HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n');"
        "print(s.recv(4096).decode())"
    )
    cgroups = [line.split(":") for line in open(f"/proc/{pid}/cgroup").read().splitlines()]
    paths = [f"/sys/fs/cgroup{'' if not c[1] else '/' + c[1].removeprefix('name=')}{c[2]}/cgroup.procs" for c in cgroups]
    reached = [path for path in paths if os.path.exists(path)]
    assert reached, paths

    def enter():
        for path in reached:
            with open(path, "w") as file:
                file.write("0")

    done = subprocess.run(
        ["python3", "-c", program, str(stack.daemon.socket)],
        preexec_fn=enter, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert " 403 " in done.stdout.split("\n")[0], done.stdout + done.stderr


def test_Root_Docker_what_was_there_before_ds01d_is_found_at_its_start(stack, alice):
    stack.daemon.stop()
    stopped = make(stack, f"before._.{alice.user.uid}", start=False)
    running = make(stack, "running", labels={"ds01.user": alice.user.name})
    stack.daemon.start()
    for key in (stopped, stopped[:12], f"before._.{alice.user.uid}"):
        tracked(stack, key, alice, "container_name")
    tracked(stack, running, alice, "ds01_label")
    assert sorted(names(alice)) == sorted([f"before._.{alice.user.uid}", "running"])
    # A new name can be another's.
    stack.engine.api("POST", f"/containers/{stopped}/rename?name=plain")
    nobodys(stack, "plain")
    assert names(alice) == ["running"]


def test_Root_Docker_the_file_says_what_was_made_through_us_too(stack, alice):
    alice.out("run", "-d", "--name", "train", "--gpus", "1", *SLEEP)
    shown = settled(stack, "train", owner=alice.user.name, ds01_managed=True, has_gpu=True)
    assert shown["detection_method"] == "ds01_label" and shown["owner_uid"] == alice.user.uid
    assert shown["interface"] == "docker"
    [full] = [c["Id"] for c in stack.engine.containers()]
    assert entry(stack, full) == entry(stack, full[:12]) == entry(stack, "train")
    make(stack, "roots", start=False, Privileged=True)
    nobodys(stack, "roots")
    document = owners(stack)
    assert set(document) == {"containers", "admins", "service_users", "flagged_gpu_containers", "updated_at"}
    [flagged] = document["flagged_gpu_containers"]
    assert flagged["container_name"] == "roots" and flagged["owner"] is None
    file = stack.daemon.state / "opa/container-owners.json"
    assert file.stat().st_mode & 0o777 == 0o644 and file.parent.stat().st_mode & 0o777 == 0o755
    assert file.with_name("container-owners.lock").exists()
    alice.out("rename", "train", "renamed")
    settled(stack, "renamed", owner=alice.user.name)
    assert "train" not in owners(stack)["containers"]


def test_Root_Docker_who_holds_the_lock_blocks_no_request(stack, alice):
    make(stack, "first", start=False)
    nobodys(stack, "first")
    with open(stack.daemon.state / "opa/container-owners.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make(stack, "second", start=False)
        alice.out("run", "--rm", BUSYBOX, "true")
        assert exchange(stack.daemon.socket, "GET", "/_ping").status == 200
        assert "second" not in owners(stack)["containers"]
    nobodys(stack, "second")


def test_Root_Docker_the_configuration_is_in_the_file(stack):
    stack.daemon.configure(service_users=["ds01-dashboard"])
    stack.daemon.reload()
    wait_until(lambda: owners(stack)["service_users"] == ["ds01-dashboard"], 10, "the service user to be written")


def test_Root_Docker_a_limit_counts_what_is_shown(stack, bob):
    """The Engine would count root's container, which is taken out of its answer, and so tell of its labels."""
    bob.out("create", "--name", "old", "--label", "guess=yes", *SLEEP)
    make(stack, "roots", labels={"ds01.user": bob.user.name, "ds01.protected": "true", "guess": "yes"})
    assert bob.out("ps", "-a", "-n", "1", "--filter", "label=guess=yes", "--format", "{{.Names}}") == "old"
    assert bob.out("ps", "-l", "--format", "{{.Names}}") == "old"
