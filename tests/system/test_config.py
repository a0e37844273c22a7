"""What the configuration does while ds01d runs: it is read again on SIGHUP, the last good one stays in force, and everybody
can see what it says about them."""

import json
import os
import re
import time

import pytest
from lib.images import BUSYBOX, WITH_ENV
from lib.waiting import wait_until

SLEEP = [BUSYBOX, "sleep", "600"]


@pytest.fixture
def daemon(stack):
    """With the files as they were before the test, also afterwards."""
    files = {path: path.read_bytes() for path in stack.daemon.config.rglob("*") if path.is_file()}
    yield stack.daemon
    for path in [path for path in stack.daemon.config.rglob("*") if path.is_symlink() or path.is_dir()]:
        if path.is_symlink():
            path.unlink()
        elif path.suffix == ".yaml":
            path.rmdir()
    for path, data in files.items():
        path.write_bytes(data)
    stack.daemon.reload()


def limits(daemon):
    return daemon.config / "resource-limits.yaml"


def set_processes(daemon, count):
    text = limits(daemon).read_text()
    assert "pids_limit: 4096" in text
    limits(daemon).write_text(text.replace("pids_limit: 4096", f"pids_limit: {count}"))


def report(daemon, *args, client=None):
    return json.loads(daemon.ds01("config", "show", "--json", *args, client=client).stdout)


def values(daemon, client):
    """key → its entry in `ds01 config show`."""
    return {value["key"]: value for topic in report(daemon, client=client)["limits"] for value in topic["values"]}


# -- reload


def test_Root_Docker_a_reload_holds_for_the_next_request(stack, alice, daemon):
    set_processes(daemon, 77)
    daemon.reload()
    assert values(daemon, alice)["pids_limit"]["amount"] == 77
    alice.out("create", "--name", "counted", BUSYBOX)
    assert stack.engine.inspect("counted")["HostConfig"]["PidsLimit"] == 77


def capabilities(stack, client, *options):
    """Of root in a container, as a number; and whether its network is the Engine's."""
    status = client.out("run", "--rm", *options, BUSYBOX, "sh", "-c", "readlink /proc/self/ns/net; cat /proc/self/status")
    space, *lines = status.splitlines()
    (effective,) = (line.split()[1] for line in lines if line.startswith("CapEff:"))
    return int(effective, 16), space == os.readlink(f"/proc/{stack.engine.child.pid}/ns/net")


def test_Root_Docker_the_hosts_network_is_open_to_whom_the_site_opens_it(stack, alice, daemon):
    low_ports, raw_packets = 1 << 10, 1 << 13  # CAP_NET_BIND_SERVICE and CAP_NET_RAW, capabilities(7)
    assert "--network host" in alice.refused("run", "--rm", "--network", "host", BUSYBOX)
    text = limits(daemon).read_text()
    limits(daemon).write_text(text.replace("  pids_limit: 4096", "  host_network: true\n  pids_limit: 4096", 1))
    daemon.reload()
    assert values(daemon, alice)["host_network"]["amount"] == 1
    everything = low_ports | raw_packets
    own, is_host = capabilities(stack, alice)
    assert (own & everything, is_host) == (everything, False)
    for options in (["--network", "host"], ["--net", "host", "--cap-drop", "MKNOD"]):
        shared, is_host = capabilities(stack, alice, *options)
        assert (shared & everything, is_host) == (0, True), options
    alice.out("run", "-d", "--name", "hosts", "--network", "host", *SLEEP)
    joined, is_host = capabilities(stack, alice, "--network", "container:hosts")
    assert (joined & everything, is_host) == (0, True)
    for name in ("NET_RAW", "cap_net_raw", "net_bind_service"):
        assert "beside --network host" in alice.refused("run", "--rm", "--network", "host", "--cap-add", name, BUSYBOX)
    stack.remove_everything()


def spoil_syntax(path):
    path.write_text(path.read_text().replace("defaults:", "defaults: [", 1))


def cut_in_half(path):
    data = path.read_bytes()
    # In the middle of a line, as an editor that writes in place may be caught.
    path.write_bytes(data[: data.index(b"max_gpu_slots_per_container") + 9])


def remove(path):
    path.unlink()


def replace_by_directory(path):
    path.unlink()
    path.mkdir()


def replace_by_dangling_link(path):
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize("spoil", [spoil_syntax, cut_in_half, remove, replace_by_directory, replace_by_dangling_link])
def test_Root_Docker_a_bad_file_leaves_the_last_good_configuration_in_force(alice, daemon, spoil):
    set_processes(daemon, 78)
    daemon.reload()
    spoil(limits(daemon))
    said = daemon.reload("was not reloaded, the last good one stays in force")
    assert "resource-limits.yaml" in said
    assert values(daemon, alice)["pids_limit"]["amount"] == 78
    alice.out("run", "--rm", BUSYBOX, "true")


def test_Root_Docker_a_reload_names_what_only_a_start_applies(daemon):
    daemon.configure(sockets={"mode": "0660", "listen": "unix:///elsewhere/docker.sock"})
    said = daemon.reload()
    assert "sockets.mode has changed; this takes effect when ds01d is started again" in said
    assert "sockets.listen" not in said, "the command line overrules it"


# -- what it says about a login


def test_Root_Docker_everybody_sees_their_own_limits_and_where_they_come_from(alice, daemon):
    own = report(daemon, client=alice)
    assert own["user"] == alice.user.name
    assert own["group"]["name"] == "student"
    assert own["group"]["because"] == "members"
    assert own["group"]["file"].endswith("/groups/student.members")
    found = values(daemon, alice)
    assert found["max_gpu_equivalents"]["layer"] == "group"
    assert found["max_gpu_equivalents"]["amount"] == 2
    assert found["engine.cpus"]["binds"], "the file says 32, the Engine has fewer"
    text = daemon.ds01("config", "show", client=alice).stdout
    assert "group student (by groups/student.members:" in text
    assert "\x1b" not in text


def test_Root_Docker_others_limits_are_the_admins_to_see(alice, bob, daemon):
    refused = daemon.ds01("config", "show", bob.user.name, client=alice, check=False)
    assert refused.returncode == 77
    assert "only the administrators" in refused.stderr
    assert report(daemon, bob.user.name)["user"] == bob.user.name
    assert report(daemon, alice.user.name, client=alice)["user"] == alice.user.name


def test_Root_Docker_an_override_is_shown_with_its_line(alice, daemon):
    path = daemon.config / "user-overrides.yaml"
    path.write_text(path.read_text() + f"{alice.user.name}:\n  memory: 20g\n")
    daemon.reload()
    memory = values(daemon, alice)["memory"]
    assert (memory["layer"], memory["text"]) == ("override", "20 GiB")
    assert memory["file"] == str(path)
    assert path.read_text().splitlines()[memory["line"] - 1] == "  memory: 20g"


# -- mount roots


@pytest.fixture
def scratch(stack, workdir, daemon, alice, bob):
    """A directory that many share, as /scratch is, and one of data sets."""
    root = workdir / f"scratch-{stack.base.name}"
    for name, owner, mode in (("", None, 0o1777), ("alice", alice.user, 0o700), ("bob", bob.user, 0o700), ("sets", None, 0o755)):
        path = root / name
        path.mkdir(exist_ok=True)
        path.chmod(mode)
        if owner is not None:
            os.chown(path, owner.uid, owner.gid)
    (root / "sets/data").write_text("numbers")
    (root / "alice/mine").write_text("mine")
    (root / "bob/secret").write_text("secret")
    daemon.configure(mounts={"roots": ["home", str(root)]})
    daemon.reload()
    return root


def test_Root_Docker_a_root_of_the_site_can_be_mounted(alice, scratch):
    assert alice.out("run", "--rm", "-v", f"{scratch}/alice:/x", BUSYBOX, "cat", "/x/mine") == "mine"
    alice.out("run", "--rm", "--mount", f"type=bind,src={scratch}/alice,dst=/x", BUSYBOX, "touch", "/x/new")
    assert (scratch / "alice/new").exists()
    assert alice.out("run", "--rm", "-v", f"{scratch}/sets:/x:ro", BUSYBOX, "cat", "/x/data") == "numbers"


def test_Root_Docker_what_one_may_not_write_to_is_mounted_read_only(alice, scratch):
    for option in (f"-v={scratch}/sets:/x", f"--mount=type=bind,src={scratch}/sets,dst=/x"):
        assert "read-only" in alice.refused("create", option, BUSYBOX)


@pytest.mark.parametrize("where", ["", "/bob", "/bob/secret", "/sets/new", "/../etc", "/alice/../bob", "2"])
def test_Root_Docker_the_rest_of_a_shared_root_stays_shut(stack, alice, scratch, where):
    alice.refused("create", "-v", f"{scratch}{where}:/x", BUSYBOX)
    alice.refused("create", "--mount", f"type=bind,src={scratch}{where},dst=/x", BUSYBOX)
    assert not stack.containers_of(alice.user)


def test_Root_Docker_links_lead_out_of_no_root(alice, scratch):
    for name, target in (("etc", "/etc"), ("bob", scratch / "bob"), ("root", "/")):
        (scratch / "alice" / name).symlink_to(target)
        alice.refused("create", "-v", f"{scratch}/alice/{name}:/x", BUSYBOX)
    link = alice.user.home / "scratch"
    link.symlink_to(scratch / "alice")
    try:
        assert alice.out("run", "--rm", "-v", f"{link}:/x", BUSYBOX, "cat", "/x/mine") == "mine"
    finally:
        link.unlink()


def test_Root_Docker_a_root_that_is_taken_away_is_none(alice, scratch, daemon):
    daemon.configure(mounts={"roots": ["home"]})
    daemon.reload()
    assert "cannot be mounted" in alice.refused("create", "-v", f"{scratch}/alice:/x", BUSYBOX)


@pytest.mark.parametrize("root", ["/", "/etc", "/proc", "/sys", "/dev", "/run", "/var", "/var/lib", "relative", "/a/../b"])
def test_Root_Docker_a_root_that_holds_the_system_is_an_error(daemon, root):
    daemon.configure(mounts={"roots": [root]})
    assert "mounts.roots" in daemon.reload("was not reloaded")
    code, out, _ = daemon.check_config()
    assert code == 78
    assert "mounts.roots" in out


def test_Root_Docker_a_root_that_holds_our_own_directories_is_an_error(stack, daemon):
    for root in (daemon.state, daemon.base, stack.base.parent):
        daemon.configure(mounts={"roots": [str(root)]})
        assert "which ds01d itself uses" in daemon.reload("was not reloaded")


def test_Root_Docker_ptrace_is_left_out_and_the_work_runs(alice):
    ran = alice.docker("run", "--rm", "--cap-add", "SYS_PTRACE", BUSYBOX, "cat", "/proc/self/status")
    assert ran.returncode == 0
    assert int(re.search(r"CapEff:\s*(\w+)", ran.stdout)[1], 16) & 1 << 19 == 0, "capabilities(7)"
    assert "SYS_PTRACE was left out" in ran.stderr


# -- service users


def test_Root_Docker_a_service_user_looks_and_does_not_touch(stack, alice, bob, daemon):
    alice.out("run", "-d", "--name", "watched", "-e", "TOKEN=s3cret", *SLEEP)
    daemon.configure(service_users=[bob.user.name])
    daemon.reload()
    assert "watched" in bob.out("ps", "--format", "{{.Names}}").split()
    inspected = bob.out("inspect", "watched")
    assert "s3cret" not in inspected
    assert json.loads(inspected)[0]["State"]["Running"]
    assert "watched" in bob.out("stats", "--no-stream", "--format", "{{.Name}}", "watched")
    for command in (["stop", "watched"], ["rm", "-f", "watched"], ["exec", "watched", "true"], ["logs", "watched"]):
        assert "a service user may list and inspect" in bob.refused(*command)
    assert stack.engine.inspect("watched")["State"]["Running"]
    bob.out("run", "--rm", BUSYBOX, "true")
    assert "s3cret" in alice.out("inspect", "watched")


def test_Root_Docker_a_launcher_runs_what_it_made_for_somebody(stack, alice, bob, daemon):
    """As JupyterHub or a launcher of dev containers does; the container, its quota and its folders are the user's."""
    label = f"devcontainer.local_folder={alice.user.home}/work"
    daemon.configure(service_users=[bob.user.name])
    daemon.reload()
    bob.out("create", "--name", "bobs", "--label", label, BUSYBOX)
    assert stack.engine.inspect("bobs")["Config"]["Labels"]["ds01.user"] == bob.user.name, "it only looks"
    daemon.configure(launchers=[bob.user.name])
    daemon.reload()
    (alice.user.home / "work").mkdir()
    (alice.user.home / "work/paper").write_text("of alice")
    os.chown(alice.user.home / "work", alice.user.uid, alice.user.gid)
    bob.out("run", "-d", "--name", "hers", "--label", label, "-e", "TOKEN=s3cret", "-v", f"{alice.user.home}/work:/w", *SLEEP)
    assert stack.engine.inspect("hers")["Config"]["Labels"]["ds01.user"] == alice.user.name
    assert bob.out("exec", "hers", "cat", "/w/paper") == "of alice"
    bob.out("exec", "hers", "touch", "/w/made")
    assert (alice.user.home / "work/made").stat().st_uid == alice.user.uid
    assert "s3cret" in bob.out("inspect", "hers")
    assert f"{alice.user.home}/work" in bob.out("inspect", "hers")
    bob.out("restart", "-t", "0", "hers")
    for command in (["rename", "hers", "his"], ["update", "--memory", "1g", "hers"], ["cp", "hers:/etc/passwd", "-"],
                    ["commit", "hers"]):  # fmt: skip
        assert "a service user may list and inspect" in bob.refused(*command)
    seen = ["events", "--since", "1h", "--until", str(int(time.time()) + 1), "--filter", "event=start"]
    assert "hers" in bob.out(*seen, "--format", "{{.Actor.Attributes.name}}").split()
    alice.out("exec", "hers", "true")
    alice.out("run", "-d", "--name", "own", *SLEEP)
    assert "a service user may list and inspect" in bob.refused("exec", "own", "true")
    daemon.configure(launchers=[])
    daemon.reload()
    assert "a service user may list and inspect" in bob.refused("exec", "hers", "true")
    assert "s3cret" not in bob.out("inspect", "hers")
    daemon.configure(launchers=[bob.user.name])
    daemon.reload()
    bob.out("rm", "-f", "hers")


def test_Root_Docker_what_an_image_says_about_its_maker_counts_for_nothing(stack, alice, bob, daemon):
    daemon.configure(service_users=[bob.user.name], launchers=[bob.user.name])
    daemon.reload()
    folder = alice.user.home / "claims"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {BUSYBOX}\nLABEL ds01.made_by={bob.user.name}\n")
    alice.out("build", "-q", "-t", "ds01test/claims:1", str(folder))
    alice.out("run", "-d", "--name", "claims", "ds01test/claims:1", "sleep", "600")
    assert stack.engine.inspect("claims")["Config"]["Labels"]["ds01.made_by"] == ""
    assert "a service user may list and inspect" in bob.refused("exec", "claims", "true")


# -- fail directions


@pytest.fixture
def unwritable_events(daemon):
    """A directory in the place of events.jsonl."""
    path = daemon.logs / "events.jsonl"
    kept = daemon.logs / "kept"
    path.rename(kept)
    path.mkdir()
    yield daemon
    if path.is_dir():
        path.rmdir()
        kept.rename(path)


def test_Root_Docker_by_default_events_that_cannot_be_written_stop_nobody(alice, unwritable_events):
    for _ in range(3):
        alice.out("run", "--rm", BUSYBOX, "true")
    status = unwritable_events.status()
    assert status["counters"]["unwritten_events"] > 0
    assert "an event could not be written to disk" in unwritable_events.ds01("status").stdout
    assert unwritable_events.stderr.read_text().count("events.jsonl could not be written") == 1, "once a minute"


def test_Root_Docker_a_site_may_let_nothing_start_unrecorded(alice, unwritable_events, daemon):
    daemon.configure(fail={"events": "closed"})
    daemon.reload()  # loses an event
    for command in (["create", BUSYBOX], ["run", "-d", *SLEEP]):
        assert "cannot write it down now" in alice.refused(*command)
    alice.out("ps")
    (daemon.logs / "events.jsonl").rmdir()
    (daemon.logs / "kept").rename(daemon.logs / "events.jsonl")
    alice.docker("create", BUSYBOX, check=False)  # the refusal is the first event that is written again
    alice.out("run", "--rm", WITH_ENV, "true")


def test_Root_Docker_without_the_state_on_disk_no_gpu_is_given(stack, alice, daemon):
    path = daemon.state / "gpu-state.json"
    kept = path.read_bytes()
    path.unlink()
    (path / "in-the-way").mkdir(parents=True)
    try:
        assert "ds01:" in alice.refused("create", "--gpus", "1", BUSYBOX)
        alice.out("run", "--rm", BUSYBOX, "true")
        assert daemon.status()["counters"]["unwritten_state"] > 0
        assert not daemon.held()
    finally:
        (path / "in-the-way").rmdir()
        path.rmdir()
        path.write_bytes(kept)
        path.chmod(0o600)
    alice.out("run", "--rm", "--gpus", "1", BUSYBOX, "true")


def test_Root_Docker_an_engine_that_is_away_is_counted(stack, alice, daemon):
    before = daemon.status()["counters"]["unanswered_engine"]
    stack.engine.kill()
    try:
        alice.refused("ps")
    finally:
        stack.engine.start()
    assert daemon.status()["counters"]["unanswered_engine"] > before
    assert "the Docker Engine did not answer" in daemon.ds01("status").stdout
    wait_until(lambda: alice.docker("run", "--rm", BUSYBOX, "true", check=False).returncode == 0, 30, "creates again")
