"""Binds are pinned and idmapped: root in a container has no more power over what is mounted than its owner on the host."""

import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from lib import unix_http
from lib.images import BUSYBOX
from lib.unix_http import exchange
from lib.waiting import wait_until

SLEEP = [BUSYBOX, "sleep", "600"]


@pytest.fixture
def folder(alice):
    """alice's, with a folder of its own for each test, and in it what is not hers."""
    path = alice.user.home / "work"
    shutil.rmtree(path, ignore_errors=True)
    alice.run(["mkdir", path])
    alice.run(["sh", "-c", f"echo mine > {path}/file"])
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def neighbours(folder, bob):
    """bob's private folder below alice's, as in a project's directory."""
    path = folder / "bobs"
    path.mkdir(mode=0o700)
    (path / "secret").write_text("of bob\n")
    for each in (path, path / "secret"):
        os.chown(each, bob.user.uid, bob.user.gid)
    return path


def pins(stack):
    return stack.daemon.run_dir / "pins"


def mounted_below(directory):
    text = Path("/proc/self/mountinfo").read_text()
    return [line.split()[4] for line in text.splitlines() if line.split()[4].startswith(f"{directory}/")]


def test_Root_Docker_what_a_container_writes_is_its_owners(alice, folder):
    alice.out("run", "--rm", "-v", f"{folder}:/w", BUSYBOX, "sh", "-c", "id -u; echo x > /w/made; mkdir /w/dir; cat /w/file")
    for name in ("made", "dir"):
        made = (folder / name).stat()
        assert (made.st_uid, made.st_gid) == (alice.user.uid, alice.user.gid)


def test_Root_Docker_root_in_a_container_reads_nothing_of_others(stack, alice, folder, neighbours):
    read = ["sh", "-c", "ls -ln /w; cat /w/bobs/secret; ls /w/bobs"]
    bare = subprocess.run(
        ["docker", "-H", f"unix://{stack.engine.socket}", "run", "--rm", "-v", f"{folder}:/w", BUSYBOX, *read],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "of bob" in bare.stdout, "the attempt is blunt: the Engine itself does not show it"
    done = alice.docker("run", "--rm", "-v", f"{folder}:/w", BUSYBOX, *read, check=False)
    assert "of bob" not in done.stdout
    assert done.stderr.count("Permission denied") == 2
    assert " 65534 " in done.stdout


def test_Root_Docker_root_in_a_container_changes_nothing_of_others(alice, folder, neighbours, bob):
    (folder / "roots").write_text("of root\n")
    attempts = "for a in 'chmod 777 /w/bobs' 'chown 0:0 /w/bobs' 'chmod 666 /w/roots' 'chown 0 /w/roots'; do $a; done"
    done = alice.docker("run", "--rm", "-v", f"{folder}:/w", BUSYBOX, "sh", "-c", f"{attempts}; echo y >> /w/roots", check=False)
    assert done.returncode != 0
    assert stat.S_IMODE(neighbours.stat().st_mode) == 0o700
    assert neighbours.stat().st_uid == bob.user.uid
    assert (folder / "roots").read_text() == "of root\n"


def test_Root_Docker_no_setuid_root_file_reaches_the_host(alice, folder):
    make = "cp /bin/busybox /w/su && chown 0:0 /w/su && chmod 4755 /w/su"
    alice.docker("run", "--rm", "-v", f"{folder}:/w", BUSYBOX, "sh", "-c", make)
    made = (folder / "su").stat()
    assert made.st_mode & stat.S_ISUID
    assert made.st_uid == alice.user.uid, "a setuid file of alice's own gives nothing"
    given = alice.docker("run", "--rm", "-v", f"{folder}:/w", BUSYBOX, "chown", "1:1", "/w/su", check=False)
    assert given.returncode != 0


def test_Root_Docker_file_capabilities_count_in_no_namespace_of_the_hosts(stack, alice, folder):
    """setxattr(2) in a container whose Engine grants SETFCAP, by a statically linked C program."""
    source = folder / "cap.c"
    source.write_text(
        "#include <sys/xattr.h>\n"
        "int main(int n, char** a) {\n"
        '  unsigned char v[20] = {1, 0, 0, 2, 0, 0, 4};\n'  # CAP_SYS_CHROOT, effective
        '  return n == 2 ? setxattr(a[1], "security.capability", v, sizeof v, 0) != 0 : 2;\n'
        "}\n"
    )
    subprocess.run(["gcc", "-static", "-o", folder / "cap", source], check=True)
    (folder / "chroot").write_bytes(Path("/bin/busybox").read_bytes())
    for name in ("cap", "chroot"):
        os.chown(folder / name, alice.user.uid, alice.user.gid)
        (folder / name).chmod(0o755)
    alice.docker("run", "--rm", "-v", f"{folder}:/w", BUSYBOX, "/w/cap", "/w/chroot", check=False)
    refused = alice.run([folder / "chroot", "/", "true"], check=False)
    assert refused.returncode != 0, "alice is root's equal on the host"
    subprocess.run(
        ["docker", "-H", f"unix://{stack.engine.socket}", "run", "--rm", "-v", f"{folder}:/w", BUSYBOX]
        + ["/w/cap", "/w/chroot"],
        check=True,
    )
    alice.run([folder / "chroot", "/", "true"])  # the attempt is not blunt


def test_Root_Docker_the_engine_copies_nothing_into_a_folder(stack, alice, folder, neighbours, bob):
    """It gives what it has written the archive's owner, by a path that may lead to something else by then."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("bobs/")
        entry.type, entry.mode = tarfile.DIRTYPE, 0o777
        tar.addfile(entry)
    name = alice.out("run", "-d", "-v", f"{folder}:/w", *SLEEP)
    put = ("PUT", f"/containers/{name}/archive?path=/w", archive.getvalue())
    with alice.raw() as raw:
        reply = raw.ask(*put, {"Content-Type": "application/x-tar"})
    assert reply.status == 403 and "docker exec" in reply.message()
    assert neighbours.stat().st_uid == bob.user.uid and stat.S_IMODE(neighbours.stat().st_mode) == 0o700
    sent = unix_http.exchange(stack.engine.socket, *put, headers={"Content-Type": "application/x-tar"})
    assert sent.status == 200 and neighbours.stat().st_uid == alice.user.uid, "the attempt is blunt"


def test_Root_Docker_copying_out_of_a_container_goes_through_the_pin(alice, folder, neighbours):
    name = alice.out("run", "-d", "-v", f"{folder}:/w", *SLEEP)
    assert "mine" in alice.out("cp", f"{name}:/w/file", "-")
    done = alice.docker("cp", f"{name}:/w/bobs/secret", "-", check=False)
    assert "of bob" not in done.stdout
    read_only = alice.out("run", "-d", "-v", f"{folder}:/w:ro", *SLEEP)
    alice.docker("cp", "/bin/busybox", f"{read_only}:/tmp/copied")


def test_Root_Docker_no_container_reaches_the_folders_of_another(alice, folder, neighbours, bob):
    """By /proc/PID/root, and by the files of the network, which the Engine mounts into all that join it."""
    with_folder = alice.out("run", "-d", "-v", f"{folder}:/w", *SLEEP)
    plain = alice.out("run", "-d", *SLEEP)
    assert "--pid" in alice.refused("run", "--rm", "--pid", f"container:{with_folder}", BUSYBOX, "true")
    assert "--pid" in alice.refused("run", "--rm", "--pid", f"container:{plain}", "-v", f"{folder}:/w", BUSYBOX, "true")
    alice.docker("run", "--rm", "--pid", f"container:{plain}", BUSYBOX, "true")
    for target in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc//hosts"):
        assert "cannot be mounted at" in alice.refused("run", "--rm", "-v", f"{folder}/file:{target}", BUSYBOX, "true")


def test_Root_Docker_root_in_a_container_cannot_close_the_socket_to_others(stack, alice, bob):
    before = stack.daemon.socket.stat()
    bind = ["-v", f"{stack.daemon.socket}:/s", "--mount", f"type=bind,src={stack.daemon.socket},dst=/t"]
    shut = alice.docker("run", "--rm", *bind, BUSYBOX, "sh", "-c", "chmod 0 /s; chmod 0 /t; chown 1 /s /t", check=False)
    assert shut.stderr.count("Read-only file system") >= 3
    after = stack.daemon.socket.stat()
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)
    bob.docker("ps")


@pytest.mark.parametrize("form", ["-v", "--mount"])
def test_Root_Docker_a_folder_swapped_for_a_link_is_not_followed(stack, alice, folder, bob, form):
    """Between create and start, and between two starts."""
    inner = folder / "inner"
    alice.run(["mkdir", inner])
    bind = ["-v", f"{inner}:/w"] if form == "-v" else ["--mount", f"type=bind,src={inner},dst=/w"]
    name = alice.out("create", *bind, BUSYBOX, "sh", "-c", "ls -a /w; echo x > /w/written; cat /w/secret")
    (bob.user.home / "secret").write_text("of bob\n")
    alice.run(["rmdir", inner])
    alice.run(["ln", "-s", bob.user.home, inner])
    text = alice.refused("start", "-a", name)
    assert "cannot be mounted" in text and "secret" not in text
    alice.run(["rm", inner])
    alice.run(["mkdir", inner])
    alice.docker("start", "-a", name, check=False)
    assert (inner / "written").exists(), "the folder that is there now"
    assert not (bob.user.home / "written").exists()


def test_Root_Docker_what_is_missing_is_made_as_its_owner_or_refused(alice, folder):
    alice.out("run", "--rm", "-v", f"{folder}/a/b:/w", BUSYBOX, "touch", "/w/x")
    assert (folder / "a").stat().st_uid == alice.user.uid
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o755
    assert (folder / "a/b/x").exists()
    text = alice.refused("run", "--rm", "--mount", f"type=bind,src={folder}/none,dst=/w", BUSYBOX, "true")
    assert f"bind source path does not exist: {folder}/none" in text
    assert not (folder / "none").exists()


def test_Root_Docker_files_read_only_binds_and_links(alice, folder):
    alice.run(["ln", "-s", folder, folder.parent / "link"])
    try:
        out = alice.out("run", "--rm", "-v", f"{folder.parent}/link/file:/f:ro", BUSYBOX, "sh", "-c", "cat /f; echo z > /f || echo kept")
        assert out.splitlines() == ["mine", "kept"]
        assert alice.out("run", "--rm", "-v", f"{folder.parent}/link:/w", BUSYBOX, "cat", "/w/file") == "mine"
    finally:
        (folder.parent / "link").unlink()


def test_Root_Docker_a_container_that_is_not_root_works_in_its_folder(stack, alice, folder):
    """By number, and by a name of the image's."""
    lines = "root:x:0:0::/:/bin/sh\\njovyan:x:1000:100::/:/bin/sh\\n"
    made = alice.out("run", "-d", BUSYBOX, "sh", "-c", f"printf '{lines}' > /etc/passwd; sleep 600")
    wait_until(lambda: "jovyan" in alice.out("exec", made, "cat", "/etc/passwd"), 10, "passwd")
    alice.out("commit", made, "ds01test/jovyan:1")
    for user, ids in (("1000:1000", "1000:1000"), ("jovyan", "1000:100"), ("1000", "1000:100"), ("77", "77:0")):
        show = "echo $(id -u):$(id -g) $(stat -c %u:%g /w) > /w/ids && cat /w/ids"
        out = alice.out("run", "--rm", "-u", user, "-v", f"{folder}:/w", "ds01test/jovyan:1", "sh", "-c", show)
        assert out == f"{ids} {ids}"
        assert (folder / "ids").stat().st_uid == alice.user.uid
        (folder / "ids").unlink()


def test_Root_Docker_a_dev_containers_user_works_in_its_folder(alice, folder):
    metadata = json.dumps([{"remoteUser": "root"}, {"remoteUser": "1234:1234"}])
    name = alice.out("run", "-d", "--label", f"devcontainer.metadata={metadata}", "-v", f"{folder}:/w", *SLEEP)
    alice.docker("exec", "-u", "1234:1234", name, "touch", "/w/made")
    assert (folder / "made").stat().st_uid == alice.user.uid
    alice.docker("exec", name, "cat", "/w/file")


def test_Root_Docker_inspect_and_list_show_the_folder(stack, alice, folder):
    admin = stack.daemon.socket
    name = alice.out("create", "-v", f"{folder}:/a:ro", "--mount", f"type=bind,src={folder},dst=/b", "-v", "named:/c", *SLEEP)
    real = stack.engine.inspect(name)
    assert str(pins(stack)) in json.dumps(real["HostConfig"]["Mounts"])
    for shown in (json.loads(alice.out("inspect", name))[0], exchange(admin, "GET", f"/containers/{name}/json").json()):
        assert str(pins(stack)) not in json.dumps(shown)
        assert shown["HostConfig"]["Binds"] == ["named:/c", f"{folder}:/a:ro"]
        assert [m["Source"] for m in shown["HostConfig"]["Mounts"]] == [str(folder)]
        assert {(m["Source"], m["Destination"], m["RW"]) for m in shown["Mounts"] if m["Type"] == "bind"} == {
            (str(folder), "/a", False),
            (str(folder), "/b", True),
        }
    for socket, user in ((admin, None), (admin, alice)):
        if user:
            text = user.out("ps", "-a", "--no-trunc", "--format", "{{.Mounts}}")
        else:
            text = exchange(socket, "GET", "/containers/json?all=1").body.decode()
        assert str(folder) in text and str(pins(stack)) not in text


def test_Root_Docker_pins_go_with_their_container(stack, alice, folder):
    name = alice.out("run", "-d", "-v", f"{folder}:/w", *SLEEP)
    assert len(mounted_below(pins(stack))) == 1
    alice.docker("stop", "-t", "0", name)
    alice.docker("start", name)
    assert len(mounted_below(pins(stack))) == 1
    alice.docker("rm", "-f", name)
    wait_until(lambda: not mounted_below(pins(stack)), 10, "the pin to go")
    wait_until(lambda: not any(Path(f"{pins(stack)}.d").iterdir()), 10, "its directory to go")
    wait_until(lambda: not any((stack.daemon.state / "pins").iterdir()), 10, "its record to go")


def test_Root_Docker_a_refused_create_leaves_no_pin(stack, alice, folder):
    alice.out("create", "--name", "taken", BUSYBOX)
    text = alice.refused("create", "--name", "taken", "-v", f"{folder}:/w", BUSYBOX)
    assert "already in use" in text
    wait_until(lambda: not mounted_below(pins(stack)), 10, "the pin to go")


def test_Root_Docker_pins_come_back_after_a_restart_of_the_machine(stack, alice, folder):
    """As far as that can be had here: the daemon stops, all pins go as /run does, and it starts again."""
    name = alice.out("run", "-d", "--restart", "always", "-v", f"{folder}:/w", *SLEEP)
    never = alice.out("create", "-v", f"{folder}:/w", *SLEEP)
    stack.daemon.stop()
    subprocess.run(["umount", "-R", "-l", pins(stack)], check=True)
    shutil.rmtree(pins(stack))
    shutil.rmtree(f"{pins(stack)}.d")
    stack.daemon.start()
    assert len(mounted_below(pins(stack))) == 2
    pid = stack.engine.inspect(name)["State"]["Pid"]
    os.kill(pid, 9)  # the Engine starts it again by itself
    wait_until(lambda: stack.engine.inspect(name)["State"]["Pid"] not in (0, pid), 20, "the Engine's own restart")
    assert alice.out("exec", name, "cat", "/w/file") == "mine"
    alice.docker("start", never)


def test_Root_Docker_a_container_whose_record_is_lost_does_not_start(stack, alice, folder):
    name = alice.out("create", "-v", f"{folder}:/w", *SLEEP)
    stack.daemon.stop()
    for file in (stack.daemon.state / "pins").iterdir():
        file.unlink()
    stack.daemon.start()
    assert "make it anew" in alice.refused("start", name)
    alice.docker("rm", name)


@pytest.fixture
def unmappable(alice):
    """A folder of alice's on a file system that knows no idmapped mounts: an overlay."""
    base = alice.user.home / "over"
    subprocess.run(["umount", "-l", base / "merged"], capture_output=True, check=False)
    shutil.rmtree(base, ignore_errors=True)
    # An overlay's upper layer cannot be an overlay, as the home may be.
    base.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", base], check=True)
    for name in ("lower", "upper", "work", "merged"):
        (base / name).mkdir()
    options = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, base / "merged"], check=True)
    os.chown(base / "merged", alice.user.uid, alice.user.gid)
    yield base / "merged"
    subprocess.run(["umount", "-l", base / "merged"], check=True)
    subprocess.run(["umount", "-l", base], check=True)
    shutil.rmtree(base, ignore_errors=True)


def test_Root_Docker_what_is_mounted_below_and_cannot_be_mapped_is_left_out_and_told(alice, unmappable):
    (unmappable / "inside").write_text("x")
    above = unmappable.parent
    done = alice.docker("run", "--rm", "-v", f"{above}:/w", BUSYBOX, "ls", "/w", "/w/merged")
    assert "upper" in done.stdout and "inside" not in done.stdout
    assert f"what is mounted below {above} does not come along" in done.stderr


def test_Root_Docker_where_ids_cannot_be_mapped_a_container_runs_as_its_owner(stack, alice, bob, unmappable):
    bind = ["-v", f"{unmappable}:/w"]
    own = f"{alice.user.uid}:{alice.user.gid}"
    text = alice.refused("run", "--rm", *bind, BUSYBOX, "true")
    assert f"--user {own}" in text
    for user in ("0", "root", f"{alice.user.uid}:0", f"{bob.user.uid}:{bob.user.gid}", "0:0"):
        assert "only into a container that runs as you" in alice.refused("run", "--rm", "-u", user, *bind, BUSYBOX, "true")
    for group in ("0", str(alice.user.gid)):
        assert "group" in alice.refused("run", "--rm", "-u", own, "--group-add", group, *bind, BUSYBOX, "true")
    assert "--cap-add" in alice.refused("run", "--rm", "-u", own, "--cap-add", "CHOWN", *bind, BUSYBOX, "true")

    name = alice.out("run", "-d", "-u", own, *bind, *SLEEP)
    inside = "id; echo x > /w/made; grep -E 'Cap(Eff|Prm|Bnd|Inh)|NoNewPrivs' /proc/self/status"
    lines = alice.out("exec", name, "sh", "-c", inside).splitlines()
    assert lines[0].startswith(f"uid={alice.user.uid} gid={alice.user.gid}") and " 0(" not in lines[0]
    assert {line.split()[1] for line in lines if line.startswith("Cap")} == {"0" * 16}
    assert "NoNewPrivs:\t1" in lines
    assert (unmappable / "made").stat().st_uid == alice.user.uid
    for user in ("0", "root", f"{alice.user.uid}:0"):
        assert "not allowed here" in alice.refused("exec", "-u", user, name, "id")
    assert "may not copy" in alice.refused("cp", "/bin/busybox", f"{name}:/w/copied")
    assert "may not copy" in alice.refused("cp", f"{name}:/w/made", "-")
    stack.daemon.restart()
    assert "not allowed here" in alice.refused("exec", "-u", "0", name, "id")


@pytest.fixture
def as_owner(stack, alice):
    """alice's containers run as alice."""
    limits = stack.daemon.config / "resource-limits.yaml"
    text = limits.read_text()
    settings = yaml.safe_load(text)
    settings.setdefault("user_overrides", {}).setdefault(alice.user.name, {})["run_as_owner"] = True
    limits.write_text(yaml.safe_dump(settings))
    stack.daemon.reload("the configuration was reloaded")
    yield
    limits.write_text(text)
    stack.daemon.reload("the configuration was reloaded")


def test_Root_Docker_where_containers_run_as_their_owner_nobody_is_root_in_one(stack, alice, folder, as_owner):
    own = f"{alice.user.uid}:{alice.user.gid}"
    show = "echo $(id -u):$(id -g); grep CapEff /proc/self/status; echo x > /w/made"
    lines = alice.out("run", "--rm", "-v", f"{folder}:/w", BUSYBOX, "sh", "-c", show).splitlines()
    assert lines[0] == own and lines[1].endswith("0" * 16)
    assert (folder / "made").stat().st_uid == alice.user.uid
    assert "run as their owner" in alice.refused("run", "--rm", "-u", "0", BUSYBOX, "id")
    name = alice.out("run", "-d", *SLEEP)
    with alice.raw() as raw:
        reply = raw.ask("POST", "/build?version=2")
    assert reply.status == 403 and "BUILDKIT" in reply.message()
    assert "run as you" in alice.refused("exec", "-u", "root", name, "id")
    assert alice.out("exec", name, "id", "-u") == str(alice.user.uid)


RECEIVER = """
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(int count, char** arguments) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char byte, control[64], text[64];
  struct iovec vector = {&byte, 1};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  int socket_fd = socket(AF_UNIX, SOCK_STREAM, 0), fd;
  if (count != 3) return 2;
  strncpy(address.sun_path, arguments[1], sizeof address.sun_path - 1);
  if (connect(socket_fd, (struct sockaddr*)&address, sizeof address) || recvmsg(socket_fd, &message, 0) <= 0) return 3;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  if ((fd = openat(fd, arguments[2], O_RDONLY)) < 0) return 4;
  return write(1, text, read(fd, text, sizeof text)) < 0;
}
"""
SENDER = """
import array, os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("listening", flush=True)
peer, _ = listener.accept()
files = array.array("i", [os.open("/home", os.O_RDONLY)])
peer.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
peer.recv(1)
"""


def receive_from_host(alice, folder, bob):
    """What a container of alice's reads of bob's through a directory that her program on the host hands it."""
    (bob.user.home / "secret").write_text("of bob\n")
    (folder / "receive.c").write_text(RECEIVER)
    subprocess.run(["gcc", "-static", "-o", folder / "receive", folder / "receive.c"], check=True)
    (folder / "sock").unlink(missing_ok=True)
    sender = alice.spawn(["python3", "-c", SENDER, folder / "sock"])
    try:
        assert sender.stdout.readline() == "listening\n"
        read = ["/w/receive", "/w/sock", f"{bob.user.name}/secret"]
        return alice.docker("run", "--rm", "-v", f"{folder}:/w", BUSYBOX, *read, check=False)
    finally:
        sender.kill()
        sender.communicate()


def test_Root_Docker_run_as_owner_closes_the_way_by_open_files(alice, bob, folder, as_owner):
    done = receive_from_host(alice, folder, bob)
    assert done.returncode == 4, "the directory came, and what is bob's did not open"
    assert "of bob" not in done.stdout


def test_Root_Docker_without_it_that_way_is_open(alice, bob, folder):
    """As SECURITY.md says. When this fails because it has been closed, that must be said there."""
    assert receive_from_host(alice, folder, bob).stdout == "of bob\n"
